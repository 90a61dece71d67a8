//! A string out of a JSON object that we wrote ourselves or that cargo wrote.

/// Returns the first string under `key`, unescaped; `None` if there is none or it is not a string.
pub(crate) fn string(json: &str, key: &str) -> Option<String> {
    let quoted = format!("\"{key}\"");
    let after = &json[json.find(&quoted)? + quoted.len()..];
    let value = after.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let mut text = String::new();
    let mut chars = value.chars();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => match chars.next()? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'u' => {
                    let digits: String = chars.by_ref().take(4).collect();
                    text.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
                }
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::string;

    #[test]
    fn strings_are_found_and_unescaped() {
        let json =
            r#"{"a" : "x", "b":"say \"outcome\" \\ \u0041","outcome": "trap","n":null,"i":7}"#;
        assert_eq!(string(json, "a").as_deref(), Some("x"));
        assert_eq!(string(json, "b").as_deref(), Some("say \"outcome\" \\ A"));
        assert_eq!(string(json, "outcome").as_deref(), Some("trap"));
        assert_eq!((string(json, "n"), string(json, "i"), string(json, "z")), (None, None, None));
    }
}
