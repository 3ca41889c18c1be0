//! `:name` in SQL: where it stands, and what is put there.
//!
//! Values become literals and not parameters, because a literal takes the type its place asks for, as it does when
//! a person writes the statement: `id = :id` works for a uuid as for a text.

use serde_json::{Map, Value};

/// The statement with its `:name`s filled in and the `;` at its end taken away. `::`, quotes, comments and
/// `$tag$…$tag$` are left alone, and so is `:name` after a `:` or a word. Fails on a name that is not bound.
pub fn fill(sql: &str, bind: &Map<String, Value>) -> Result<String, String> {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    let mut end = None;
    while let Some(token) = next(rest, out.chars().next_back()) {
        rest = &rest[token.text().len()..];
        match token {
            Token::Bind(text) => {
                let as_json = rest.starts_with("::json");
                let value = bind
                    .get(&text[1..])
                    .ok_or_else(|| format!("`{text}` is not in `bind`"))?;
                out.push_str(&literal(value, as_json)?);
                end = None;
            }
            Token::Code(text) => {
                if text == ";" && end.is_none() {
                    end = Some(out.len());
                } else if !text.trim().is_empty() && text != ";" {
                    end = None;
                }
                out.push_str(text);
            }
            Token::Quoted(text) => {
                end = None;
                out.push_str(text);
            }
            Token::Comment(text) => out.push_str(text),
        }
    }
    // Only what follows the last statement may go: blanks, comments and the `;` itself.
    out.truncate(end.unwrap_or(out.len()));
    Ok(out)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Bind(&'a str),
    Code(&'a str),
    Quoted(&'a str),
    Comment(&'a str),
}

impl<'a> Token<'a> {
    fn text(self) -> &'a str {
        match self {
            Self::Bind(text) | Self::Code(text) | Self::Quoted(text) | Self::Comment(text) => text,
        }
    }
}

/// The next piece of a statement; `before` is the character in front of it.
fn next(rest: &str, before: Option<char>) -> Option<Token<'_>> {
    let first = rest.chars().next()?;
    let in_word = before.is_some_and(is_word);
    let backslashes = first == '\'' && before.is_some_and(|c| matches!(c, 'e' | 'E'));
    Some(match first {
        '\'' => Token::Quoted(&rest[..quoted(rest, '\'', backslashes)]),
        '"' => Token::Quoted(&rest[..quoted(rest, '"', false)]),
        '-' if rest.starts_with("--") => Token::Comment(&rest[..rest.find('\n').unwrap_or(rest.len())]),
        '/' if rest.starts_with("/*") => Token::Comment(&rest[..block_comment(rest)]),
        '$' if !in_word => match dollar_quote(rest) {
            Some(end) => Token::Quoted(&rest[..end]),
            None => Token::Code("$"),
        },
        ':' if rest.starts_with("::") => Token::Code("::"),
        ':' if !in_word => match name_length(&rest[1..]) {
            0 => Token::Code(":"),
            length => Token::Bind(&rest[..=length]),
        },
        other => Token::Code(&rest[..other.len_utf8()]),
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | ']' | ')')
}

fn name_length(text: &str) -> usize {
    let belongs = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        0
    } else {
        end
    }
}

/// Length of a quoted piece with both its quotes; a doubled quote stands for itself.
fn quoted(text: &str, quote: char, backslashes: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && backslashes {
            chars.next();
        } else if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

/// Length of a comment with all that is nested in it.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let step = if rest.starts_with("/*") {
            depth += 1;
            2
        } else if rest.starts_with("*/") {
            depth -= 1;
            2
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
        at += step;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Length of `$tag$…$tag$`, when a tag opens here.
fn dollar_quote(text: &str) -> Option<usize> {
    let tag = text[1..].find('$').map(|at| &text[..at + 2])?;
    let name = &tag[1..tag.len() - 1];
    if name.is_empty() || name_length(name) == name.len() {
        Some(
            text[tag.len()..]
                .find(tag)
                .map_or(text.len(), |at| at + tag.len() * 2),
        )
    } else {
        None
    }
}

/// A value as SQL writes it: a table as JSON, a list as an array's text. Before a cast to JSON everything but a text
/// is JSON; a text is taken to be JSON already.
fn literal(value: &Value, as_json: bool) -> Result<String, String> {
    match value {
        Value::Null => Ok("null".into()),
        Value::String(text) => quote(text),
        _ if as_json => quote(&value.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        // Brackets keep a minus from making `--`, and from binding weaker than a cast.
        Value::Number(number) if number.to_string().starts_with('-') => Ok(format!("({number})")),
        Value::Number(number) => Ok(number.to_string()),
        Value::Array(items) => quote(&array(items)),
        Value::Object(_) => quote(&value.to_string()),
    }
}

fn array(items: &[Value]) -> String {
    let element = |item: &Value| match item {
        Value::Null => "NULL".to_owned(),
        Value::Array(inner) => array(inner),
        Value::String(text) => in_array(text),
        Value::Object(_) => in_array(&item.to_string()),
        Value::Bool(_) | Value::Number(_) => item.to_string(),
    };
    format!("{{{}}}", items.iter().map(element).collect::<Vec<_>>().join(","))
}

fn in_array(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A text as an SQL literal that reads the same whatever `standard_conforming_strings` says.
pub fn quote(text: &str) -> Result<String, String> {
    if text.contains('\0') {
        return Err("a text with a NUL cannot be sent to Postgres".into());
    }
    let doubled = text.replace('\'', "''");
    if text.contains('\\') {
        // The blank keeps the `E` from growing together with a word before it.
        Ok(format!(" E'{}'", doubled.replace('\\', "\\\\")))
    } else {
        Ok(format!("'{doubled}'"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::fill;

    fn filled(sql: &str, bind: &Value) -> Result<String, String> {
        fill(sql, bind.as_object().expect("a table"))
    }

    #[test]
    fn only_what_is_a_bind_is_filled() {
        let bind = json!({"a": "x"});
        for same in [
            "select b::a, '…:a', \":a\", $$:a$$, $t$ :a $$ :a $t$, E'\\':a'",
            "select 1 -- :a\n, 2 /* :a /* :a */ :a */, x[1:a], 'it''s :a'",
            "select f(a := 1), ':a",
            "select a:a",
        ] {
            assert_eq!(filled(same, &bind), Ok(same.to_owned()));
        }
        assert_eq!(
            filled("select :a::text, (:a), /**/:a", &bind),
            Ok("select 'x'::text, ('x'), /**/'x'".into())
        );
        assert_eq!(filled("select :b", &bind), Err("`:b` is not in `bind`".into()));
    }

    #[test]
    fn each_type_has_its_literal() {
        let bind = json!({"s": "it's \\ so", "n": -5, "p": 7, "f": 1.5, "t": true, "z": null,
                          "l": ["a\"b", null, 1], "ll": [[1, 2], [3, 4]], "o": {"k": "v'"}, "e": []});
        for (sql, want) in [
            (":s", " E'it''s \\\\ so'"),
            ("1 -:n::int", "1 -(-5)::int"),
            (":p", "7"),
            (":f", "1.5"),
            (":t", "true"),
            (":z", "null"),
            (":l::text[]", " E'{\"a\\\\\"b\",NULL,1}'::text[]"),
            (":ll", "'{{1,2},{3,4}}'"),
            (":l::jsonb", " E'[\"a\\\\\"b\",null,1]'::jsonb"),
            (":p::json", "'7'::json"),
            (":s::jsonb", " E'it''s \\\\ so'::jsonb"),
            (":o", "'{\"k\":\"v''\"}'"),
            (":e::uuid[]", "'{}'::uuid[]"),
        ] {
            assert_eq!(filled(sql, &bind), Ok(want.to_owned()), "{sql}");
        }
        assert!(filled(":x", &json!({"x": "a\0b"})).is_err());
    }

    #[test]
    fn the_semicolon_at_the_end_goes_and_no_other() {
        let none = json!({});
        assert_eq!(filled("select 1; -- done\n ;\n", &none), Ok("select 1".into()));
        assert_eq!(
            filled("select ';' ;select 2;", &none),
            Ok("select ';' ;select 2".into())
        );
        assert_eq!(
            filled("select 1 -- no end", &none),
            Ok("select 1 -- no end".into())
        );
    }

    proptest! {
        #[test]
        fn no_statement_makes_it_panic(sql in "[-a:'\"$/*;\\\\ \né(]{0,40}") {
            let _ = filled(&sql, &json!({"a": 1}));
        }

        #[test]
        fn without_binds_a_statement_stays_what_it_was(sql in "[-a'\"$/*\\\\ \né(]{0,40}") {
            prop_assert_eq!(filled(&sql, &json!({})), Ok(sql));
        }

        #[test]
        fn a_bound_text_never_leaves_its_quotes(text in "[a':;\\\\$\"-]{0,12}") {
            let sql = filled(":v", &json!({"v": text})).expect("bound");
            // Read it again as SQL: one quoted piece and nothing behind it.
            let body = sql.trim_start_matches(" E");
            let end = super::quoted(body, '\'', sql.starts_with(" E"));
            prop_assert_eq!(end, body.len());
        }
    }
}
