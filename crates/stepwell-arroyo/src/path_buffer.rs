//! The buffer in which the path of a request is built.

use std::fmt::{self, Write};

use bytes::Bytes;

/// The maximum length of a path with the usual ids.
const SHORT: usize = 112;

/// A path. A short one takes one allocation including clones; a `String` takes another one when a transport clones it for a second attempt.
pub(crate) enum PathBuffer {
    Short { length: usize, bytes: [u8; SHORT] },
    Long(String),
}

impl PathBuffer {
    /// An empty path.
    pub(crate) fn new() -> Self {
        Self::Short {
            length: 0,
            bytes: [0; SHORT],
        }
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Long(path) => path.into(),
            short @ Self::Short { .. } => Bytes::from_owner(short),
        }
    }
}

impl AsRef<[u8]> for PathBuffer {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Short { length, bytes } => bytes.get(..*length).unwrap_or_default(),
            Self::Long(path) => path.as_bytes(),
        }
    }
}

/// Never fails.
impl Write for PathBuffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match self {
            Self::Short { length, bytes } => {
                let end = *length + text.len();
                if let Some(place) = bytes.get_mut(*length..end) {
                    place.copy_from_slice(text.as_bytes());
                    *length = end;
                } else {
                    let mut path = String::from_utf8_lossy(self.as_ref()).into_owned();
                    path.push_str(text);
                    *self = Self::Long(path);
                }
            }
            Self::Long(path) => path.push_str(text),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_any_length_is_what_was_written() {
        for part in ["a", "é/", &"x".repeat(SHORT), &"x".repeat(SHORT + 1)] {
            let (mut path, mut text) = (PathBuffer::new(), String::new());
            while text.len() <= 2 * SHORT {
                assert_eq!(path.as_ref(), text.as_bytes());
                path.write_str(part).unwrap();
                text.push_str(part);
            }
            assert_eq!(path.into_bytes(), text);
        }
        assert_eq!(PathBuffer::new().into_bytes(), "");
    }

    #[test]
    fn a_clone_of_a_short_one_is_the_same_memory() {
        let mut path = PathBuffer::new();
        write!(path, "/{}", "x".repeat(SHORT - 1)).unwrap();
        assert!(matches!(path, PathBuffer::Short { .. }));
        let bytes = path.into_bytes();
        assert_eq!(bytes.clone().as_ptr(), bytes.as_ptr());
    }
}
