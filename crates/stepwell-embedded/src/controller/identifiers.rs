//! Ids like those of Arroyo: a prefix and ten letters or digits (`pl_aPfTVLdeeM`, recording `100_create_blackhole`).

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

/// How many letters and digits follow the prefix.
const LENGTH: usize = 10;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A source of ids that do not repeat. They are not secrets, so the standard library's keyed hash of a counter is random
/// enough: its keys come from the operating system, and 62^10 values are far more than a state directory will hold.
#[derive(Debug, Default)]
pub(crate) struct Identifiers {
    keys: RandomState,
    made: u64,
}

impl Identifiers {
    pub(crate) fn next(&mut self, prefix: &str) -> String {
        self.made = self.made.wrapping_add(1);
        let mut random = self.keys.hash_one(self.made);
        let mut id = String::with_capacity(prefix.len() + LENGTH);
        id.push_str(prefix);
        for _ in 0..LENGTH {
            let letter = usize::try_from(random % ALPHABET.len() as u64).unwrap_or_default();
            id.push(char::from(ALPHABET[letter]));
            random /= ALPHABET.len() as u64;
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_plain_and_do_not_repeat() {
        let mut identifiers = Identifiers::default();
        let ids: HashSet<_> = (0..10_000).map(|_| identifiers.next("pl_")).collect();
        assert_eq!(ids.len(), 10_000);
        for id in ids {
            assert_eq!(id.len(), 13);
            assert!(
                id.starts_with("pl_") && id[3..].bytes().all(|byte| byte.is_ascii_alphanumeric()),
                "{id}"
            );
        }
    }

    #[test]
    fn two_sources_do_not_agree() {
        let first: HashSet<_> = (0..100)
            .scan(Identifiers::default(), |ids, _| Some(ids.next("")))
            .collect();
        let mut second = Identifiers::default();
        assert!((0..100).all(|_| !first.contains(&second.next(""))));
    }
}
