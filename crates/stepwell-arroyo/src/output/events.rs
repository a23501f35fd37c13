//! Decoding server-sent events: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
//!
//! It works on bytes, because a piece can end within a character. Invalid UTF-8 fails later, when the data is parsed as JSON.

use bytes::{Buf, Bytes};

/// An event, or a line outside any event, exceeds the limit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Collects lines into events. Only the data of an event is kept.
#[derive(Debug)]
pub(crate) struct EventDecoder {
    /// The current line.
    line: Vec<u8>,
    /// The data of the current event, with a line feed after each line.
    data: Vec<u8>,
    /// The maximum size of both, in bytes.
    pub(crate) limit: usize,
    /// Whether the last line ended with a carriage return, so that a line feed right after it belongs to the same line end.
    after_return: bool,
    /// Whether the current line is the first one, which may begin with a byte order mark.
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

    /// Takes bytes from `piece` until an event is complete, and returns its data; `None` once all bytes are taken.
    ///
    /// Incomplete events at the end of the stream and events without data are ignored.
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
        // The name of a comment is empty. The other fields are not used.
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
            // A carriage return with a line feed is one line end, also for an empty line.
            ("data: one\r\n\r\ndata: two\n\r\n", &["one", "two"]),
            ("data: one\ndata: two\n\n", &["one\ntwo"]),
            ("data:one\n\ndata:  two \n\n", &["one", " two "]),
            ("\u{FEFF}data: one\n\n", &["one"]),
            ("data: \u{FEFF}one\n\n", &["\u{FEFF}one"]),
            // A byte order mark counts only at the beginning; elsewhere it is part of the name.
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
        // An unfinished line, a comment, and data on several lines.
        assert_eq!(decode(&[b"data: 12", b"3456", b"78"], 11), Err(TooLong));
        assert_eq!(decode(&[b": 34567890", b"12"], 11), Err(TooLong));
        assert_eq!(decode(&[b"data: 1\n", b"data: 2\n"], 8), Err(TooLong));
        // Each line is short enough.
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
