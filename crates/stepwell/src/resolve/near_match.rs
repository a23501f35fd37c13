//! Queries that are equal except for white space.

/// Whether two queries are equal except for line ends and outer white space, the usual reason why "the same" query does not match. Nothing
/// is copied, because this runs for each pipeline of a list.
pub(crate) fn is_near_match(one: &str, other: &str) -> bool {
    if one.contains('\r') || other.contains('\r') {
        return plain(one).eq(plain(other));
    }
    one.trim() == other.trim()
}

/// The bytes of a query without outer white space and with Unix line ends.
fn plain(query: &str) -> impl Iterator<Item = u8> {
    let bytes = query.trim().as_bytes();
    let next = bytes.iter().skip(1).map(Some).chain([None]);
    bytes
        .iter()
        .zip(next)
        .filter(|pair| *pair != (&b'\r', Some(&b'\n')))
        .map(|(byte, _)| *byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn line_ends_and_outer_space_do_not_count_and_inner_space_does() {
        assert!(is_near_match("SELECT 1\n", "SELECT 1"));
        assert!(is_near_match("SELECT\r\n1", "\tSELECT\n1"));
        assert!(!is_near_match("SELECT  1", "SELECT 1"));
        assert!(!is_near_match("SELECT 1", "SELECT 2"));
        assert!(!is_near_match("SELECT 1", "SELECT 12"));
    }

    proptest! {
        #[test]
        fn it_is_what_a_copy_without_them_would_be(query in "[a\r\n\u{a0} ]{0,8}") {
            let copy = query.replace("\r\n", "\n").trim().to_owned();
            prop_assert_eq!(plain(&query).collect::<Vec<_>>(), copy.into_bytes());
        }
    }
}
