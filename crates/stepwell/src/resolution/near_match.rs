/// Whether two queries are equal but for line ends and outer white space: the usual reason why "the same" query does not match.
pub(crate) fn is_near_match(one: &str, other: &str) -> bool {
    plain(one) == plain(other)
}

fn plain(query: &str) -> String {
    query.replace("\r\n", "\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_outer_space_do_not_count_and_inner_space_does() {
        assert!(is_near_match("SELECT 1\n", "SELECT 1"));
        assert!(is_near_match("SELECT\r\n1", "\tSELECT\n1"));
        assert!(!is_near_match("SELECT  1", "SELECT 1"));
        assert!(!is_near_match("SELECT 1", "SELECT 2"));
    }
}
