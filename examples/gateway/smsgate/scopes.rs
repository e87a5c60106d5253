/// Every scope that a route asks for, but that of refresh tokens, which nobody gives on.
const SCOPES: [&str; 17] = [
    "devices:delete",
    "devices:list",
    "inbox:list",
    "inbox:read",
    "inbox:refresh",
    "logs:read",
    "messages:cancel",
    "messages:export",
    "messages:list",
    "messages:read",
    "messages:send",
    "settings:read",
    "settings:write",
    "tokens:manage",
    "webhooks:delete",
    "webhooks:list",
    "webhooks:write",
];

/// Whether this is a scope of SMSGate's: `all:any` stands for these, and for none of another system.
pub fn is_own(scope: &str) -> bool {
    SCOPES.contains(&scope)
}
