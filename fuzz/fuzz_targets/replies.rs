//! Any bytes as any type of reply.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stepwell_fuzz::REPLIES;

fuzz_target!(|input: &[u8]| {
    if let Some((pick, bytes)) = input.split_first() {
        (REPLIES[usize::from(*pick) % REPLIES.len()].read)(bytes);
    }
});
