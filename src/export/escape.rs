//! How each format escapes text.
//!
//! Every byte that needs an escape is ASCII, so text is copied in runs between such bytes and
//! stays UTF-8.

/// A JSON string with its quotes.
pub(super) fn json(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    copy(
        out,
        text,
        |byte| byte < b' ' || byte == b'"' || byte == b'\\',
        |out, byte| match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.extend([byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]));
            }
        },
    );
    out.push(b'"');
}

/// What is between the quotes of a label's value in Prometheus text.
pub(super) fn label_value(out: &mut Vec<u8>, text: &str) {
    copy(
        out,
        text,
        |byte| matches!(byte, b'\\' | b'"' | b'\n'),
        after_backslash,
    );
}

/// A help text of Prometheus text.
pub(super) fn help(out: &mut Vec<u8>, text: &str) {
    copy(
        out,
        text,
        |byte| matches!(byte, b'\\' | b'\n'),
        after_backslash,
    );
}

fn after_backslash(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(&[b'\\', if byte == b'\n' { b'n' } else { byte }]);
}

fn copy(
    out: &mut Vec<u8>,
    text: &str,
    is_special: impl Fn(u8) -> bool,
    escape: impl Fn(&mut Vec<u8>, u8),
) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| is_special(*byte)) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        if let Some((special, after)) = tail.split_first() {
            escape(out, *special);
            rest = after;
        }
    }
    out.extend_from_slice(rest);
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: fn(&mut Vec<u8>, &str), text: &str) -> String {
        let mut out = Vec::new();
        write(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn a_json_string_reads_back(text in any::<String>()) {
            let read: String = serde_json::from_str(&written(json, &text)).unwrap();
            prop_assert_eq!(read, text);
        }

        #[test]
        fn a_label_value_reads_back_and_stays_in_its_quotes(text in any::<String>()) {
            let escaped = written(label_value, &text);
            prop_assert!(!escaped.contains('\n'));
            let (mut read, mut letters) = (String::new(), escaped.chars());
            while let Some(letter) = letters.next() {
                prop_assert_ne!(letter, '"');
                read.push(match letter {
                    '\\' => match letters.next() {
                        Some('n') => '\n',
                        Some(same) => same,
                        None => panic!("a backslash at the end of {escaped:?}"),
                    },
                    same => same,
                });
            }
            prop_assert_eq!(read, text);
        }
    }

    #[test]
    fn control_characters_have_the_spelling_of_json() {
        assert_eq!(
            written(json, "\0\u{1f}\u{7f}\t\"\\ü"),
            "\"\\u0000\\u001f\u{7f}\\t\\\"\\\\ü\""
        );
    }

    #[test]
    fn a_help_text_keeps_its_quotes() {
        assert_eq!(written(help, "a \"b\"\\\n"), "a \"b\"\\\\\\n");
    }
}
