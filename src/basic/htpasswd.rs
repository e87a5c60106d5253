use super::{PasswordHash, User};
use crate::ConfigError;

/// Reads `name:hash` lines. Empty lines, and lines that begin with `#`, are passed over.
pub(crate) fn parse(text: &str) -> Result<Vec<User>, ConfigError> {
    let mut users: Vec<User> = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let user = user(line)
            .map_err(|error| ConfigError::because(format!("line {number} of the user file"), error))?;
        if users.iter().any(|earlier| earlier.name() == user.name()) {
            return Err(ConfigError::new(format!(
                "line {number} of the user file: {:?} occurs twice",
                user.name()
            )));
        }
        users.push(user);
    }
    Ok(users)
}

fn user(line: &str) -> Result<User, ConfigError> {
    let (name, hash) = line
        .split_once(':')
        .ok_or_else(|| ConfigError::new("there is no colon; a line is `name:$argon2id$…`"))?;
    User::new(name, PasswordHash::parse(hash)?)
}
