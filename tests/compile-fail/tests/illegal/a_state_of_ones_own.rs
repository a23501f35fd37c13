use stepwell::state::State;

#[derive(Debug)]
struct Shortcut;

impl State for Shortcut {}

fn main() {
    let _ = Shortcut;
}
