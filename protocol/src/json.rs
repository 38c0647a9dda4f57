//! Reads JSON (RFC 8259) without building anything of it: says where the parts of a text are, and checks them on the way.
//!
//! A frame is a flat object of known fields around a payload that nobody reads here. For that, a general deserializer does too
//! much: it would be two thirds of the browser package, for its error texts above all.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, MapDeserializer};
use serde::de::{self, Deserializer, Visitor};
use serde_json::value::RawValue;

/// The text of a JSON value, without space around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<'a>(&'a str);

/// The text is not JSON, or not of the kind that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not JSON")]
pub(crate) struct Malformed;

/// Checks that a text is one JSON value and gives it as such.
#[must_use]
pub fn payload(text: &str) -> Option<&RawValue> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value().ok()?;
    reader.end().ok()?;
    value.raw().ok()
}

impl<'a> Json<'a> {
    pub(crate) fn string(self) -> Result<Cow<'a, str>, Malformed> {
        let inner = self.0.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(Malformed)?;
        if inner.contains('\\') { unescape(inner).map(Cow::Owned) } else { Ok(Cow::Borrowed(inner)) }
    }

    /// A whole number, written with digits only.
    pub(crate) fn number(self) -> Result<u64, Malformed> {
        self.0.parse().map_err(|_| Malformed)
    }

    pub(crate) fn flag(self) -> Result<bool, Malformed> {
        match self.0 {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Malformed),
        }
    }

    pub(crate) fn object(self) -> Result<Object<'a>, Malformed> {
        Object::read(self.0)
    }

    /// The items of an array.
    pub(crate) fn array(self) -> Result<Vec<Self>, Malformed> {
        let mut reader = Reader { text: self.0, at: 0 };
        let mut items = Vec::new();
        reader.expect(b'[')?;
        if !reader.closes(b']') {
            loop {
                items.push(reader.value()?);
                reader.space();
                match reader.take()? {
                    b',' => {}
                    b']' => break,
                    _ => return Err(Malformed),
                }
            }
        }
        Ok(items)
    }

    /// The value's text.
    pub(crate) fn text(self) -> &'a str {
        self.0
    }

    /// The value as serde_json hands raw values around.
    pub(crate) fn raw(self) -> Result<&'a RawValue, Malformed> {
        <&RawValue>::deserialize(Checked(self.0))
    }
}

/// The fields of an object.
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Object<'a> {
    pub(crate) fn read(text: &'a str) -> Result<Self, Malformed> {
        let mut reader = Reader { text, at: 0 };
        // As many as most frames have.
        let mut fields = Vec::with_capacity(8);
        reader.space();
        reader.expect(b'{')?;
        if !reader.closes(b'}') {
            loop {
                reader.space();
                let from = reader.at;
                reader.expect(b'"')?;
                reader.string()?;
                let key = Json(reader.since(from)?).string()?;
                reader.space();
                reader.expect(b':')?;
                fields.push((key, reader.value()?));
                reader.space();
                match reader.take()? {
                    b',' => {}
                    b'}' => break,
                    _ => return Err(Malformed),
                }
            }
        }
        reader.end()?;
        Ok(Self(fields))
    }

    /// The field of this name: the last one, if there are several, as JavaScript has it. `None` also for one that is null.
    pub(crate) fn get(&self, name: &str) -> Option<Json<'a>> {
        self.find(name).filter(|value| value.0 != "null")
    }

    /// The same, but a `null` is a value.
    pub(crate) fn find(&self, name: &str) -> Option<Json<'a>> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| *value)
    }
}

/// Whether a string that is a value (not a key), at any depth, passes the test. What comes after a fault in the text does not count.
pub(crate) fn any_string(text: &str, test: impl Fn(&str) -> bool) -> bool {
    let mut found = false;
    let _ = Reader { text, at: 0 }.walk(&mut |string| {
        found = found || Json(string).string().is_ok_and(|string| test(&string));
    });
    found
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Result<Json<'a>, Malformed> {
        self.space();
        let from = self.at;
        self.walk(&mut |_| ())?;
        self.since(from).map(Json)
    }

    /// Passes one value. `strings` is told each string in it, quotes and escapes included.
    fn walk(&mut self, strings: &mut dyn FnMut(&'a str)) -> Result<(), Malformed> {
        // The brackets that are open, by their closing ones. Not recursion: a text of brackets only must not end the program.
        let mut open = Vec::new();
        loop {
            self.space();
            let from = self.at;
            match self.take()? {
                b'{' if self.closes(b'}') => {}
                b'{' => {
                    open.push(b'}');
                    self.key()?;
                    continue;
                }
                b'[' if self.closes(b']') => {}
                b'[' => {
                    open.push(b']');
                    continue;
                }
                b'"' => {
                    self.string()?;
                    strings(self.since(from)?);
                }
                b't' => self.word(b"rue")?,
                b'f' => self.word(b"alse")?,
                b'n' => self.word(b"ull")?,
                first @ (b'-' | b'0'..=b'9') => self.number(first)?,
                _ => return Err(Malformed),
            }
            loop {
                let Some(closing) = open.last().copied() else { return Ok(()) };
                self.space();
                match self.take()? {
                    b',' => {
                        if closing == b'}' {
                            self.space();
                            self.key()?;
                        }
                        break;
                    }
                    byte if byte == closing => open.pop(),
                    _ => return Err(Malformed),
                };
            }
        }
    }

    fn key(&mut self) -> Result<(), Malformed> {
        self.expect(b'"')?;
        self.string()?;
        self.space();
        self.expect(b':')
    }

    /// The rest of a string, its first quote passed.
    fn string(&mut self) -> Result<(), Malformed> {
        loop {
            self.plain();
            match self.take()? {
                b'"' => return Ok(()),
                b'\\' => match self.take()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        for _ in 0..4 {
                            if !self.take()?.is_ascii_hexdigit() {
                                return Err(Malformed);
                            }
                        }
                    }
                    _ => return Err(Malformed),
                },
                0..0x20 => return Err(Malformed),
                _ => {}
            }
        }
    }

    /// Passes characters of a string that mean themselves, eight bytes at a time, up to one that does not or to the last few.
    fn plain(&mut self) {
        const EACH: u64 = u64::MAX / 0xff;
        while let Some(bytes) = self.text.as_bytes().get(self.at..).and_then(<[u8]>::first_chunk) {
            let bytes = u64::from_le_bytes(*bytes);
            let (quote, escape) = (bytes ^ (EACH * b'"' as u64), bytes ^ (EACH * b'\\' as u64));
            // Borrowing from a byte sets its high bit where the byte was less: a zero, or below a space.
            let special = (quote.wrapping_sub(EACH) & !quote)
                | (escape.wrapping_sub(EACH) & !escape)
                | (bytes.wrapping_sub(EACH * 0x20) & !bytes);
            let special = special & (EACH << 7);
            self.at += special.trailing_zeros() as usize / 8;
            if special != 0 {
                return;
            }
        }
    }

    fn number(&mut self, first: u8) -> Result<(), Malformed> {
        let first = if first == b'-' { self.take()? } else { first };
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return Err(Malformed),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Ok(())
    }

    fn some_digits(&mut self) -> Result<(), Malformed> {
        let from = self.at;
        self.digits();
        if self.at > from { Ok(()) } else { Err(Malformed) }
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn word(&mut self, rest: &[u8]) -> Result<(), Malformed> {
        rest.iter().try_for_each(|byte| self.expect(*byte))
    }

    /// Whether the bracket that was just opened closes at once.
    fn closes(&mut self, closing: u8) -> bool {
        self.space();
        let closes = self.peek() == Some(closing);
        self.at += usize::from(closes);
        closes
    }

    fn end(&mut self) -> Result<(), Malformed> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(Malformed) }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.take()? == byte { Ok(()) } else { Err(Malformed) }
    }

    fn take(&mut self) -> Result<u8, Malformed> {
        let byte = self.peek().ok_or(Malformed)?;
        self.at += 1;
        Ok(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn since(&self, from: usize) -> Result<&'a str, Malformed> {
        self.text.get(from..self.at).ok_or(Malformed)
    }
}

/// What is between the quotes of a string, as text.
fn unescape(inner: &str) -> Result<String, Malformed> {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut chars = escape.chars();
        text.push(match chars.next().ok_or(Malformed)? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (char, after) = unicode(escape)?;
                chars = after.chars();
                char
            }
            other => other,
        });
        rest = chars.as_str();
    }
    text.push_str(rest);
    Ok(text)
}

/// The character of `uXXXX`, or of the two such escapes that a character past U+FFFF takes, and the text after it.
fn unicode(escape: &str) -> Result<(char, &str), Malformed> {
    fn unit(escape: &str) -> Result<(u32, &str), Malformed> {
        let digits = escape.get(1..5).ok_or(Malformed)?;
        let unit = u32::from_str_radix(digits, 16).map_err(|_| Malformed)?;
        Ok((unit, escape.get(5..).ok_or(Malformed)?))
    }
    let (high, rest) = unit(escape)?;
    if let Some(char) = char::from_u32(high) {
        return Ok((char, rest));
    }
    let (low, rest) = unit(rest.strip_prefix('\\').filter(|rest| rest.starts_with('u')).ok_or(Malformed)?)?;
    if !(0xd800..0xdc00).contains(&high) || !(0xdc00..0xe000).contains(&low) {
        return Err(Malformed);
    }
    char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)).map(|char| (char, rest)).ok_or(Malformed)
}

/// Gives a [`RawValue`] the text that was checked already, in the form that it asks a deserializer for: a map of one entry whose
/// key is the name that it gave itself. Its own parser would read the text again.
struct Checked<'a>(&'a str);

impl<'de> Deserializer<'de> for Checked<'de> {
    type Error = Malformed;

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Malformed> {
        let text = BorrowedStrDeserializer::new;
        visitor.visit_map(MapDeserializer::new(std::iter::once((text(name), text(self.0)))))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Malformed> {
        Err(Malformed)
    }

    serde::forward_to_deserialize_any! {
        bool u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64 char str string seq bytes byte_buf map struct option unit ignored_any
        unit_struct tuple_struct tuple enum identifier
    }
}

impl de::Error for Malformed {
    fn custom<T: std::fmt::Display>(_message: T) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        payload(text).map(|raw| raw.get().to_owned())
    }

    #[test]
    fn json_passes_and_what_only_looks_like_it_does_not() {
        for text in [
            "null",
            "true",
            "false",
            "0",
            "-0.5e+10",
            "1E9",
            "\"\"",
            "\"a\\u00e9\\n\"",
            "[]",
            "{}",
            "[1,[2,{\"a\":[]}],3]",
            "{\"a\":{\"b\":null},\"c\":\"}\"}",
            "[ 1 , 2 ]",
            "\"\u{1f600}\"",
            "\"\u{7f}\"",
        ] {
            assert_eq!(read(text).as_deref(), Some(text));
            assert_eq!(read(&format!(" \r\n\t{text} ")).as_deref(), Some(text));
        }
        for text in [
            "",
            " ",
            "nul",
            "nulll",
            "tru e",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "+1",
            "0x1",
            "NaN",
            "'a'",
            "\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\n\"",
            "[",
            "]",
            "[1",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{",
            "{a:1}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":1]",
            "[}",
            "1 2",
            "{} {}",
            "\u{feff}1",
            "\u{a0}1",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn depth_is_no_trap() {
        let deep = "[".repeat(200_000);
        assert_eq!(read(&deep), None);
        let whole = deep + &"]".repeat(200_000);
        assert!(read(&whole).is_some());
    }

    #[test]
    fn strings_are_read_as_serde_json_reads_them() {
        for text in [
            r#""plain""#,
            r#""\"\\\/\b\f\n\r\t""#,
            r#""\u0041\u00e9\u20ac""#,
            r#""\ud83d\ude00!""#,
            r#""\ud83d""#,
            r#""\ude00""#,
            r#""\ud83d\u0041""#,
            r#""\ud83dx""#,
            r#""\u+123""#,
            r#""a\\u0041""#,
            r#""\\""#,
        ] {
            let ours = Reader { text, at: 0 }.value().and_then(Json::string).ok().map(Cow::into_owned);
            assert_eq!(ours, serde_json::from_str::<String>(text).ok(), "{text}");
        }
    }

    #[test]
    fn fields_are_found_by_name() {
        let object = Object::read(r#" { "a" : 1 , "b\u0020c":[{"x":","}] ,"":"", "a" :2, "n":null } "#).unwrap();
        let get = |name| object.get(name).map(|value| value.0);
        assert_eq!(
            [get("a"), get("b c"), get(""), get("n"), get("x")],
            [Some("2"), Some(r#"[{"x":","}]"#), Some("\"\""), None, None]
        );
        assert!(Object::read("{ }").is_ok());
        for broken in ["", "{", "{,}", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{\"a\":1}x", "{\"a\" 1}", "[]", "{\"a\":}", "{a:1}"]
        {
            assert!(Object::read(broken).is_err(), "{broken}");
        }
    }

    proptest! {
        /// Two parsers that disagree on what is JSON are two protocols.
        #[test]
        fn whatever_the_text_serde_json_says_the_same(text in r#"[\[\]{},:"\\eu0-9.+\-truefalsn \n]{0,16}"#) {
            let theirs = serde_json::from_str::<&RawValue>(&text).ok().map(RawValue::get);
            prop_assert_eq!(payload(&text).map(RawValue::get), theirs);
        }

        #[test]
        fn long_strings_end_where_they_end(text in r#""[a-zé\"/n\u{0}\u{1f}\u{20}\u{80}]{0,40}""#) {
            let theirs = serde_json::from_str::<&RawValue>(&text).ok().map(RawValue::get);
            prop_assert_eq!(payload(&text).map(RawValue::get), theirs);
        }
    }
}
