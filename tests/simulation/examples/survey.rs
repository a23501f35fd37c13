//! What fails under a range of seeds, by promise and kind: `cargo run --release -p simulation --example survey -- 0..10000`; under one
//! seed, with everything that was sent: `-- 17..18`.

#![allow(clippy::expect_used, reason = "it may fail where it stands")]

use simulation::{
    matrix::{ENOUGH, Matrix},
    story::play,
    survey::{Survey, seeds_in},
};

fn main() {
    let text = std::env::args().nth(1);
    let seeds = text.map_or(0..ENOUGH, |text| seeds_in(&text).expect("FROM..TO"));
    let matrix = Matrix::default();
    if seeds.end - seeds.start == 1 {
        println!("{}", play(seeds.start, &matrix).trace.join("\n"));
    }
    println!("{}", Survey::of(seeds, &matrix));
}
