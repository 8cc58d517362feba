//! One line of an access log, in Common or Combined Log Format:
//!
//! ```text
//! client ident user [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 2326
//! client ident user [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 2326 "referrer" "agent"
//! ```
//!
//! Works on bytes: what clients send is not always UTF-8. Inside quotes a backslash hides the
//! byte after it. The user may hold spaces. Further fields after the size are not looked at,
//! except whether a quote was left open: such a line was cut short, but says all that is needed.

use super::timestamp;

/// Longest client address or host name: DNS allows 253 bytes.
const MOST_CLIENT_BYTES: usize = 255;

/// What a replay needs to know of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'l> {
    /// Address or host name of the client.
    pub client: &'l [u8],
    /// Seconds since 1970.
    pub at: i64,
    /// Status of the response, 100 to 599.
    pub status: u16,
    /// Bytes of the response; None when the log has `-`.
    pub bytes: Option<u64>,
    /// True when a quote after the size was never closed.
    pub cut_short: bool,
}

/// Reads a line without its line end; the error says what is wrong with it.
pub fn parse(line: &[u8]) -> Result<Entry<'_>, &'static str> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Err("the line is empty");
    }
    let (client, rest) = split(line, b' ').ok_or("there is only one field")?;
    match client.len() {
        0 => return Err("the client is missing"),
        1..=MOST_CLIENT_BYTES => {}
        _ => return Err("the client has more than 255 bytes"),
    }
    let (before, at, rest) = time(rest)?;
    if !before.contains(&b' ') {
        return Err("ident or user is missing before the time");
    }
    let rest = rest
        .strip_prefix(b" \"")
        .ok_or("there is no quoted request after the time")?;
    let rest = after_quote(rest).ok_or("the request's quote is not closed")?;
    let rest = rest.strip_prefix(b" ").ok_or("the status is missing")?;
    let (status, rest) = split(rest, b' ').ok_or("the size is missing")?;
    let status = status_of(status).ok_or("the status is not a number from 100 to 599")?;
    let (bytes, rest) = split(rest, b' ').unwrap_or((rest, b""));
    let bytes = match bytes {
        b"" => return Err("the size is missing"),
        b"-" => None,
        digits => Some(number(digits).ok_or("the size is neither a number nor -")?),
    };
    Ok(Entry {
        client,
        at,
        status,
        bytes,
        cut_short: ends_in_quote(rest),
    })
}

/// What is before the first `separator`, and what is after it.
fn split(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == separator)?;
    Some((&text[..at], &text[at + 1..]))
}

/// The first time in brackets: what is before it, the time, what is after it.
fn time(text: &[u8]) -> Result<(&[u8], i64, &[u8]), &'static str> {
    let mut from = 0;
    let mut wrong = "there is no time in brackets";
    while let Some(at) = text[from..].windows(2).position(|pair| pair == b" [") {
        let open = from + at + 2;
        let close = open + timestamp::LENGTH;
        if text.get(close) == Some(&b']') {
            let inside = text[open..close].first_chunk();
            match inside.and_then(timestamp::parse) {
                Some(seconds) => return Ok((&text[..open - 2], seconds, &text[close + 1..])),
                None => wrong = "there is no such time as in the brackets",
            }
        }
        from = open;
    }
    Err(wrong)
}

/// What follows the quote that closes here.
fn after_quote(text: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return Some(&text[at + 1..]),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// True when a quote in `text` is opened and never closed.
fn ends_in_quote(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some((_, inside)) = split(rest, b'"') {
        match after_quote(inside) {
            Some(after) => rest = after,
            None => return true,
        }
    }
    false
}

fn status_of(text: &[u8]) -> Option<u16> {
    match text {
        [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] => {
            number(text).and_then(|status| status.try_into().ok())
        }
        _ => None,
    }
}

fn number(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0u64, |number, digit| match digit {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: i64 = 1_431_857_103;

    fn good(line: &[u8]) -> Entry<'_> {
        parse(line).unwrap_or_else(|why| panic!("{}: {why}", String::from_utf8_lossy(line)))
    }

    #[test]
    fn good_lines() {
        type Case<'c> = (&'c [u8], &'c [u8], u16, Option<u64>);
        let table: &[Case<'_>] = &[
            (b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 2326", b"1.2.3.4", 200, Some(2326)),
            (b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 304 -", b"1.2.3.4", 304, None),
            (b"::1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 0 \"-\" \"curl/7\"", b"::1", 200, Some(0)),
            (b"2001:db8::2:1 - frank [17/May/2015:10:05:03 +0000] \"-\" 408 - \"-\" \"-\"", b"2001:db8::2:1", 408, None),
            (b"host.example.org id a user [17/May/2015:10:05:03 +0000] \"\" 599 7", b"host.example.org", 599, Some(7)),
            // A user who looks like a time, quotes hidden by backslashes, an escaped backslash.
            (b"1.2.3.4 - me [no time] [17/May/2015:10:05:03 +0000] \"GET /\\\"a\\\" 500 1\" 200 5", b"1.2.3.4", 200, Some(5)),
            (b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\\\\\" 200 5 \"a\\\"b\" \"c\"", b"1.2.3.4", 200, Some(5)),
            // Not UTF-8; binary garbage as a request; one more field.
            (b"\xff\xfe - - [17/May/2015:10:05:03 +0000] \"\x16\x03\x01\xff\" 400 226", b"\xff\xfe", 400, Some(226)),
            (b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\" 0.003", b"1.2.3.4", 200, Some(1)),
            (b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\" 100 18446744073709551615", b"1.2.3.4", 100, Some(u64::MAX)),
        ];
        for (line, client, status, bytes) in table {
            let expected = Entry {
                client,
                at: AT,
                status: *status,
                bytes: *bytes,
                cut_short: false,
            };
            assert_eq!(good(line), expected);
        }
    }

    #[test]
    fn bad_lines() {
        let table: &[(&[u8], &str)] = &[
            (b"", "empty"),
            (b"   \t", "empty"),
            (b"hello", "only one field"),
            (
                b" - - [17/May/2015:10:05:03 +0000] \"GET /\" 200 1",
                "client is missing",
            ),
            (
                b"1.2.3.4 - [17/May/2015:10:05:03 +0000] \"GET /\" 200 1",
                "ident or user",
            ),
            (
                b"1.2.3.4 - - 17/May/2015:10:05:03 +0000 \"GET /\" 200 1",
                "no time in brackets",
            ),
            (b"1.2.3.4 - - [17/May/2015:10:05:03", "no time in brackets"),
            (
                b"1.2.3.4 - - [31/Feb/2015:10:05:03 +0000] \"GET /\" 200 1",
                "no such time",
            ),
            (
                b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] GET / 200 1",
                "no quoted request",
            ),
            (
                b"1.2.3.4 - - [17/May/2015:10:05:03 +0000]",
                "no quoted request",
            ),
            (
                b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\\\" 200 1",
                "not closed",
            ),
            (
                b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\\",
                "not closed",
            ),
            (
                b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\"200 1",
                "status is missing",
            ),
            (
                b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\" 200",
                "size is missing",
            ),
            (
                b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\" 200 ",
                "size is missing",
            ),
            (
                b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\" 999 1",
                "from 100 to 599",
            ),
            (
                b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\" 20 1",
                "from 100 to 599",
            ),
            (
                b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\" +20 1",
                "from 100 to 599",
            ),
            (
                b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\" 200 -1",
                "neither a number",
            ),
            (
                b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\" 200 1e3",
                "neither a number",
            ),
            (
                b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\" 200 18446744073709551616",
                "neither a number",
            ),
        ];
        for (line, part) in table {
            match parse(line) {
                Err(why) => assert!(
                    why.contains(part),
                    "{}: {why}",
                    String::from_utf8_lossy(line)
                ),
                Ok(entry) => panic!("{}: {entry:?}", String::from_utf8_lossy(line)),
            }
        }
        let long = [
            &[b'a'; 256][..],
            b" - - [17/May/2015:10:05:03 +0000] \"GET /\" 200 1",
        ]
        .concat();
        assert_eq!(parse(&long), Err("the client has more than 255 bytes"));
    }

    #[test]
    fn a_line_cut_within_the_agent_still_counts() {
        let line = b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 235 \"-\" \"Mozilla/5.0 (comp";
        assert!(good(line).cut_short);
    }

    #[test]
    fn no_prefix_and_no_changed_byte_panics() {
        let line =
            b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\\\" HTTP/1.1\" 200 235 \"-\" \"x\"";
        for end in 0..line.len() {
            let _ = parse(&line[..end]);
            for byte in [0, b' ', b'"', b'\\', b'[', b']', 0xff] {
                let mut changed = line.to_vec();
                changed[end] = byte;
                let _ = parse(&changed);
            }
        }
    }
}
