//! What the parser lets pass, and other parsers of the same document would not: they read it once it is
//! served, and must see what was checked here.

/// White space, as XML has it.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// Whether no parser makes anything else of this text, which is well-formed as far as the parser can tell.
pub fn is_strict(text: &str) -> bool {
    after_declaration(text).and_then(markup).is_some()
}

/// What follows the declaration, which may only say what is so: XML 1.0, in UTF-8.
fn after_declaration(text: &str) -> Option<&str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Some(declared) = text.strip_prefix("<?xml") else {
        return Some(text);
    };
    let (declared, after) = declared.split_once("?>")?;
    let (version, mut rest) = attribute(declared, "version")?;
    let mut is_right = version == "1.0";
    if let Some((encoding, more)) = attribute(rest, "encoding") {
        is_right &= encoding.eq_ignore_ascii_case("UTF-8");
        rest = more;
    }
    if let Some((standalone, more)) = attribute(rest, "standalone") {
        is_right &= ["yes", "no"].contains(&standalone);
        rest = more;
    }
    (is_right && rest.trim_matches(SPACE).is_empty()).then_some(after)
}

/// The value of the attribute that comes next, if it has this name, and what follows it.
fn attribute<'t>(text: &'t str, name: &str) -> Option<(&'t str, &'t str)> {
    let text = text.strip_prefix(SPACE)?.trim_start_matches(SPACE);
    let text = text.strip_prefix(name)?.trim_start_matches(SPACE);
    quoted(text.strip_prefix('=')?.trim_start_matches(SPACE))
}

/// What is in the quotes that come next, and what follows them.
fn quoted(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix('"') {
        Some(text) => text.split_once('"'),
        None => text.strip_prefix('\'')?.split_once('\''),
    }
}

/// Everything after the declaration. Comments and CDATA are passed over, and no document of this format
/// needs a processing instruction.
fn markup(mut text: &str) -> Option<()> {
    while let Some((before, rest)) = text.split_once('<') {
        references(before)?;
        text = if let Some(comment) = rest.strip_prefix("!--") {
            comment.split_once("-->")?.1
        } else if let Some(data) = rest.strip_prefix("![CDATA[") {
            data.split_once("]]>")?.1
        } else if rest.starts_with(['?', '!']) {
            return None;
        } else {
            tag(rest)?
        };
    }
    references(text)
}

/// What follows this tag. Its attributes' values may have a `>` in them.
fn tag(mut text: &str) -> Option<&str> {
    let mut has_default = false;
    loop {
        let (names, rest) = text.split_at(text.find(['>', '"', '\''])?);
        let mut names = names.split([' ', '\t', '\r', '\n', '=', '/']).filter(|name| !name.is_empty());
        let name = names.clone().next_back().unwrap_or_default();
        if names.any(|name| name.starts_with(':')) {
            return None;
        }
        if let Some(after) = rest.strip_prefix('>') {
            return Some(after);
        }
        let (value, after) = quoted(rest)?;
        references(value)?;
        let is_prefix = name.starts_with("xmlns:");
        if name == "xmlns:xmlns" || is_prefix && value.is_empty() || name == "xmlns" && has_default {
            return None;
        }
        has_default |= name == "xmlns";
        text = after;
    }
}

/// Whether each character reference is one to a character of XML.
fn references(text: &str) -> Option<()> {
    text.split("&#").skip(1).all(|reference| is_character(reference).unwrap_or(false)).then_some(())
}

fn is_character(reference: &str) -> Option<bool> {
    let (number, _) = reference.split_once(';')?;
    let code = match number.strip_prefix('x') {
        Some(number) => u32::from_str_radix(number, 16),
        None => number.parse(),
    };
    let character = char::from_u32(code.ok()?)?;
    Some(match character {
        '\t' | '\n' | '\r' => true,
        character => character >= ' ' && !matches!(character, '\u{fffe}' | '\u{ffff}'),
    })
}
