//! A wire between two programs that keeps what passes.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Bytes of each connection, one direction each.
type Streams = Arc<Mutex<Vec<Arc<Mutex<Vec<u8>>>>>>;

/// Listens on a port of its own and passes everything on, both ways.
pub(super) struct Wire {
    pub(super) address: SocketAddr,
    streams: Streams,
}

impl Wire {
    pub(super) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let streams = Streams::default();
        let kept = streams.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(server) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let stream = Arc::default();
                    kept.lock().unwrap().push(Arc::clone(&stream));
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    std::thread::spawn(move || pass(from, to, &stream));
                }
            }
        });
        Self { address, streams }
    }

    /// What passed, stream by stream: the bytes, and for HTTP/2 also the bodies alone, because a frame's head may stand inside
    /// a value.
    pub(super) fn seen(&self) -> Vec<Vec<u8>> {
        let streams = self.streams.lock().unwrap();
        let raw = streams.iter().map(|stream| stream.lock().unwrap().clone());
        raw.flat_map(|bytes| [bodies(&bytes), bytes]).collect()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, keep: &Mutex<Vec<u8>>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        keep.lock().unwrap().extend_from_slice(&buffer[..read]);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// The DATA frames of one direction of an HTTP/2 connection, joined (RFC 9113, 4.1); streams are not told apart.
fn bodies(bytes: &[u8]) -> Vec<u8> {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut rest = bytes.strip_prefix(PREFACE).unwrap_or(bytes);
    let mut out = Vec::new();
    while let [a, b, c, kind, _, _, _, _, _, after @ ..] = rest {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        let Some((payload, next)) = after.split_at_checked(length) else { break };
        if *kind == 0 {
            out.extend_from_slice(payload);
        }
        rest = next;
    }
    out
}
