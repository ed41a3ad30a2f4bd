//! Any bytes as a frame: decoded and converted, or refused, never a panic. What decodes encodes to the same message.
#![no_main]

use airlock_proto::convert::{TenantCall, call_error_from_wire, call_to_wire, head_from_wire};
use airlock_proto::wire::{Frame, frame::Kind};
use libfuzzer_sys::fuzz_target;
use prost::Message;

fuzz_target!(|bytes: &[u8]| {
    let Ok(frame) = Frame::decode(bytes) else { return };
    assert_eq!(Frame::decode(frame.encode_to_vec().as_slice()).as_ref(), Ok(&frame));
    match frame.kind {
        Some(Kind::Call(call)) => {
            if let Ok(TenantCall { tenant, call }) = TenantCall::try_from(call) {
                call_to_wire(&tenant, &call).expect("what was accepted can be sent on");
            }
        }
        Some(Kind::Reply(reply)) => {
            let _ = reply.meta.map(head_from_wire);
        }
        Some(Kind::Failure(failure)) => {
            let _ = call_error_from_wire(failure);
        }
        _ => {}
    }
});
