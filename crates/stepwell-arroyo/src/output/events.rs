//! Server-sent events from bytes, however they are cut: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
//!
//! Bytes, not text: a character that is cut in two by the network is whole again in its line, and what is no UTF-8 fails where the data
//! is read as JSON.

use bytes::{Buf, Bytes};

/// An event, or a line that belongs to none, is longer than the limit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Collects lines into events, of which it keeps the data.
#[derive(Debug)]
pub(crate) struct EventDecoder {
    /// The line that has not ended.
    line: Vec<u8>,
    /// The data of the event that has not ended, a line feed after each of its lines.
    data: Vec<u8>,
    /// How many bytes both may have.
    pub(crate) limit: usize,
    /// Whether the last line ended with a carriage return: a line feed that follows is a part of its end.
    after_return: bool,
    /// Whether no line has ended: the first may begin with a byte order mark.
    is_first_line: bool,
}

impl EventDecoder {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            line: Vec::new(),
            data: Vec::new(),
            limit,
            after_return: false,
            is_first_line: true,
        }
    }

    /// Takes bytes from `piece` until an event is whole, and gives its data; `None` when all are taken.
    ///
    /// An event that the stream ends in the middle of is none, and neither is one without data.
    pub(crate) fn feed(&mut self, piece: &mut Bytes) -> Result<Option<Vec<u8>>, TooLong> {
        while let Some(&first) = piece.first() {
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                piece.advance(1);
                continue;
            }
            let end = piece.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let text = piece.split_to(end.unwrap_or(piece.len()));
            if self.line.len() + self.data.len() + text.len() > self.limit {
                return Err(TooLong);
            }
            self.line.extend_from_slice(&text);
            if end.is_some() {
                self.after_return = piece.get_u8() == b'\r';
                if let Some(data) = self.end_line() {
                    return Ok(Some(data));
                }
            }
        }
        Ok(None)
    }

    fn end_line(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.line);
        let mut text = line.as_slice();
        if std::mem::take(&mut self.is_first_line) {
            text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        }
        if text.is_empty() {
            let mut data = std::mem::take(&mut self.data);
            data.pop();
            return (!data.is_empty()).then_some(data);
        }
        // A comment has an empty name. All other fields are of no use here.
        let colon = text.iter().position(|&byte| byte == b':');
        let (name, value) = text.split_at(colon.unwrap_or(text.len()));
        if name == b"data" {
            let value = value.strip_prefix(b":").unwrap_or(value);
            self.data
                .extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
            self.data.push(b'\n');
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1 << 20;

    fn decode(pieces: &[&[u8]], limit: usize) -> Result<Vec<String>, TooLong> {
        let mut decoder = EventDecoder::new(limit);
        let mut events = Vec::new();
        for piece in pieces {
            let mut piece = Bytes::copy_from_slice(piece);
            while let Some(data) = decoder.feed(&mut piece)? {
                events.push(String::from_utf8_lossy(&data).into_owned());
            }
            assert!(piece.is_empty(), "bytes are left over");
        }
        Ok(events)
    }

    #[test]
    fn lines_make_events_as_the_standard_has_it() {
        let table: &[(&str, &[&str])] = &[
            ("data: one\n\n", &["one"]),
            ("data: one\r\rdata: two\r\n\r\n", &["one", "two"]),
            // A return and a line feed are one end, also of an empty line.
            ("data: one\r\n\r\ndata: two\n\r\n", &["one", "two"]),
            ("data: one\ndata: two\n\n", &["one\ntwo"]),
            ("data:one\n\ndata:  two \n\n", &["one", " two "]),
            ("\u{FEFF}data: one\n\n", &["one"]),
            ("data: \u{FEFF}one\n\n", &["\u{FEFF}one"]),
            // Only at the beginning: anywhere else it is a part of the name.
            ("data: one\n\n\u{FEFF}data: two\n\n", &["one"]),
            (": a comment\n:\n\ndata: one\n:x\n\n", &["one"]),
            (
                "event: x\nid: 7\nretry: 1\ndata: one\nunknown\n\n",
                &["one"],
            ),
            ("id: 0\n\nevent: x\n\n", &[]),
            ("data\n\ndata:\n\n", &[]),
            ("data\ndata\n\n", &["\n"]),
            ("Data: one\ndata2: two\n data: three\n\n", &[]),
            ("data: a:b: c\n\n", &["a:b: c"]),
            ("data: one\n\ndata: half an event\n", &["one"]),
            ("\n\r\n\rdata: ü\u{1F600}\n\n", &["ü\u{1F600}"]),
        ];
        for (text, expected) in table {
            assert_eq!(
                decode(&[text.as_bytes()], LIMIT).unwrap(),
                *expected,
                "{text:?}"
            );
        }
    }

    #[test]
    fn nothing_is_held_that_is_longer_than_the_limit() {
        assert_eq!(decode(&[b"data: 67890\n\n"], 11).unwrap(), ["67890"]);
        assert_eq!(decode(&[b"data: 678901\n\n"], 11), Err(TooLong));
        // A line without an end, a comment, and data in many lines.
        assert_eq!(decode(&[b"data: 12", b"3456", b"78"], 11), Err(TooLong));
        assert_eq!(decode(&[b": 34567890", b"12"], 11), Err(TooLong));
        assert_eq!(decode(&[b"data: 1\n", b"data: 2\n"], 8), Err(TooLong));
        // Each by itself is short enough.
        let many = b":23456789\n".repeat(1000);
        assert_eq!(decode(&[&many, b"data: 1\n\n"], 11).unwrap(), ["1"]);
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_events_are_the_same(
            text in "(data: |data:|: |id: 1|\u{FEFF}|[a-zü\u{1F600}]{0,5}|\r\n|\n|\r|\n\n){0,30}",
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            prop_assert_eq!(decode(&pieces, LIMIT), decode(&[bytes], LIMIT));
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(decode(&single, LIMIT), decode(&[bytes], LIMIT));
        }

        #[test]
        fn no_bytes_make_it_hold_more_than_the_limit(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20),
            limit in 0_usize..60,
        ) {
            let mut decoder = EventDecoder::new(limit);
            for piece in pieces {
                let mut piece = Bytes::from(piece);
                loop {
                    let event = decoder.feed(&mut piece);
                    prop_assert!(decoder.line.len() + decoder.data.len() <= limit);
                    match event {
                        Ok(Some(data)) => prop_assert!(data.len() <= limit),
                        Ok(None) => break,
                        Err(TooLong) => return Ok(()),
                    }
                }
            }
        }
    }
}
