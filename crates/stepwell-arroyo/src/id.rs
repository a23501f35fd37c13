//! The text of an id.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

/// The maximum size of an id without an allocation. Servers choose ids of up to 15 bytes, and with 22 the type is as large as a `String`.
const SHORT: usize = 22;

/// The text of an id. Short ids are not allocated, because a list may have 10,000 of them.
#[derive(Clone)]
pub(crate) enum IdText {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Arc<str>),
}

impl IdText {
    pub(crate) fn as_str(&self) -> &str {
        // The bytes were copied from a `str`, so they are valid.
        match self {
            Self::Short { .. } => str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Self::Long(text) => text,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Self::Long(text) => text.as_bytes(),
        }
    }
}

impl From<&str> for IdText {
    fn from(text: &str) -> Self {
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(start), Ok(length)) => {
                start.copy_from_slice(text.as_bytes());
                Self::Short { length, bytes }
            }
            _ => Self::Long(text.into()),
        }
    }
}

// Only the text is compared: it determines the variant.
impl PartialEq for IdText {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for IdText {}

impl PartialOrd for IdText {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for IdText {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for IdText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for IdText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(formatter)
    }
}

const _: () = assert!(size_of::<Option<IdText>>() == size_of::<String>());

#[cfg(test)]
mod tests {
    use std::{
        collections::hash_map::DefaultHasher,
        hash::{BuildHasher, BuildHasherDefault},
    };

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_is_what_its_text_is(one in "[a\u{e9}\u{0}]{0,30}", other in "[a\u{e9}\u{0}]{0,30}") {
            let (left, right) = (IdText::from(&*one), IdText::from(&*other));
            prop_assert_eq!(left.as_str(), &one);
            prop_assert_eq!(left == right, one == other);
            prop_assert_eq!(left.cmp(&right), one.cmp(&other));
            prop_assert_eq!(format!("{left:?}"), format!("{one:?}"));
            let hasher = BuildHasherDefault::<DefaultHasher>::default();
            prop_assert_eq!(hasher.hash_one(&left), hasher.hash_one(IdText::from(&*one)));
            if one != other {
                prop_assert_ne!(hasher.hash_one(&left), hasher.hash_one(&right));
            }
        }
    }
}
