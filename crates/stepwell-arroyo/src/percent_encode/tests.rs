use super::*;

fn encode_segment(text: &str) -> String {
    Segment(text).to_string()
}

#[test]
fn nothing_in_an_id_can_leave_its_segment() {
    assert_eq!(encode_segment("pl_aPfTVLdeeM"), "pl_aPfTVLdeeM");
    assert_eq!(encode_segment("a/b c?d#e%"), "a%2Fb%20c%3Fd%23e%25");
    assert_eq!(encode_segment(".."), "%2E%2E");
    assert_eq!(encode_segment("ä\0"), "%C3%A4%00");
}
