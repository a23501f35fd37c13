//! A reader of rows that can stop reading, which delays a checkpoint.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex};

#[derive(Clone, Debug, Default)]
pub struct Reader {
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    holds: bool,
    /// Whether there are rows that it does not read.
    is_waited_for: bool,
}

impl Reader {
    pub fn hold(&self) {
        self.state.0.lock().unwrap().holds = true;
    }

    /// Whether it has stopped reading.
    pub fn is_waited_for(&self) -> bool {
        self.state.0.lock().unwrap().is_waited_for
    }

    pub fn read_on(&self) {
        self.state.0.lock().unwrap().holds = false;
        self.state.1.notify_all();
    }
}

impl Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (state, changed) = &*self.state;
        let mut state = state.lock().unwrap();
        state.is_waited_for = state.holds;
        let mut state = changed.wait_while(state, |state| state.holds).unwrap();
        state.is_waited_for = false;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
