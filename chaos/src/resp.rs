//! The part of Redis' protocol that the proxy reads: RESP 2.

/// A value of the protocol.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the protocol's own kinds")]
pub enum Value {
    /// A number.
    Number(i64),
    /// A string, a status or an error.
    Text(Vec<u8>),
    /// Values in order.
    List(Vec<Self>),
    /// No value.
    Nil,
}

impl Value {
    /// Reads the first value of some bytes, and returns it with its length; `None` if it goes on
    /// after them.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
        let (kind, line) = bytes.get(..end)?.split_first()?;
        let after = end + 2;
        let number = || core::str::from_utf8(line).ok()?.parse::<i64>().ok();
        match kind {
            b':' => Some((Self::Number(number()?), after)),
            b'$' => match usize::try_from(number()?) {
                Err(_) => Some((Self::Nil, after)),
                Ok(length) => {
                    bytes.get(after + length..after + length + 2)?;
                    let text = bytes.get(after..after + length)?;
                    Some((Self::Text(text.to_vec()), after + length + 2))
                }
            },
            b'*' => {
                let Ok(count) = usize::try_from(number()?) else { return Some((Self::Nil, after)) };
                let mut values = Vec::new();
                let mut at = after;
                for _ in 0..count {
                    let (value, length) = Self::read(bytes.get(at..)?)?;
                    values.push(value);
                    at += length;
                }
                Some((Self::List(values), at))
            }
            _ => Some((Self::Text(line.to_vec()), after)),
        }
    }

    /// Returns the parts of a list; nothing of another kind.
    #[must_use]
    pub fn parts(&self) -> &[Self] {
        match self {
            Self::List(values) => values,
            Self::Number(_) | Self::Text(_) | Self::Nil => &[],
        }
    }

    /// Returns a text, or a number as text; empty for other kinds.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Self::Number(number) => number.to_string(),
            Self::List(_) | Self::Nil => String::new(),
        }
    }

    /// Returns a number, also of a text of digits.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.text().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn a_command_is_read_whole_or_not_at_all() {
        let bytes = b"*2\r\n$4\r\nPING\r\n:7\r\n+OK\r\n";
        let (value, length) = Value::read(bytes).unwrap();
        assert_eq!(value, Value::List(vec![Value::Text(b"PING".to_vec()), Value::Number(7)]));
        assert_eq!(&bytes[length..], b"+OK\r\n");
        for cut in 0..length {
            assert_eq!(Value::read(&bytes[..cut]), None, "{cut} bytes");
        }
    }

    #[test]
    fn nothing_is_a_value() {
        assert_eq!(Value::read(b"$-1\r\n"), Some((Value::Nil, 5)));
        assert_eq!(Value::read(b"*-1\r\n"), Some((Value::Nil, 5)));
        assert_eq!(Value::Nil.parts(), []);
    }
}
