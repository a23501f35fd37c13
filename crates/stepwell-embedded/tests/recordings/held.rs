//! A reader of rows who can stop reading, by which a checkpoint is held up.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex};

#[derive(Clone, Debug, Default)]
pub struct Reader {
    holds: Arc<(Mutex<bool>, Condvar)>,
}

impl Reader {
    pub fn hold(&self) {
        *self.holds.0.lock().unwrap() = true;
    }

    pub fn read_on(&self) {
        *self.holds.0.lock().unwrap() = false;
        self.holds.1.notify_all();
    }

    fn wait(&self) {
        let (holds, changed) = &*self.holds;
        let held = holds.lock().unwrap();
        drop(changed.wait_while(held, |holds| *holds).unwrap());
    }
}

impl Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.wait();
        Ok(())
    }
}
