//! The child's end of the socket: blocking, with descriptors.

use std::io::{self, IoSliceMut, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::super::frame::{self, Lengths, PREFIX_BYTES, REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
use super::super::wire::{Reply, Request};

/// The socket to the parent. One descriptor, however often cloned.
#[derive(Clone)]
pub(super) struct Link(Arc<UnixStream>);

impl Link {
    /// The socket that the parent gave as standard input.
    pub(super) fn from_stdin() -> io::Result<Self> {
        Ok(Self(Arc::new(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?))))
    }

    /// The next request with its descriptor; `None` when the parent is gone.
    pub(super) fn receive(&mut self) -> io::Result<Option<(Request, Option<OwnedFd>)>> {
        let mut prefix = [0; PREFIX_BYTES];
        let mut got = 0;
        let mut passed = None;
        while got < PREFIX_BYTES {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut parts = [IoSliceMut::new(&mut prefix[got..])];
            let received = match recvmsg(&*self.0, &mut parts, &mut control, FLAGS) {
                Err(rustix::io::Errno::INTR) => continue,
                other => other?,
            };
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                    passed = descriptors.last();
                }
            }
            match received.bytes {
                0 if got == 0 => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => got += n,
            }
        }
        let lengths = Lengths::parse(prefix, REQUEST_BYTES_MAX)?;
        let (request, _) = frame::read_rest(&mut &*self.0, lengths)?;
        Ok(Some((request, passed)))
    }

    pub(super) fn reply(&mut self, reply: &Reply, body: &[&[u8]]) -> io::Result<()> {
        (&*self.0).write_all(&frame::encode(reply, body, REPLY_BYTES_MAX)?)
    }
}

#[cfg(target_os = "linux")]
const FLAGS: RecvFlags = RecvFlags::CMSG_CLOEXEC;
#[cfg(not(target_os = "linux"))]
const FLAGS: RecvFlags = RecvFlags::empty();
