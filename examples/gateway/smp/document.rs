//! Whether a document is what its path says. It is stored as it came.

use std::fmt;

use bytes::Bytes;
use portcullis::{Rejection, RejectionKind, StoreError};
use roxmltree::{Document, Error, Node, ParsingOptions};
use tokio::task;

use super::{id, strict};

/// How many namespaces a document may declare, and how many attributes an element may have: the parser's
/// work grows with the square of both.
const MOST: usize = 512;

/// The id that a document has instead of the one in its path: the cause of a refusal, for who words it.
#[derive(Debug)]
pub struct OtherId(pub String);

impl OtherId {
    /// As much of it as an answer and the log have room for.
    fn of(mut id: String) -> Self {
        if let Some((end, _)) = id.char_indices().nth(256) {
            id.truncate(end);
        }
        Self(id)
    }
}

impl fmt::Display for OtherId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the document has the id {:?}", self.0)
    }
}

impl std::error::Error for OtherId {}

/// Whether this is the service group of this participant.
pub async fn check_group(body: Bytes, group: String) -> Result<(), Rejection> {
    aside(move || {
        let document = parse(&body)?;
        check_participant(root(&document, "ServiceGroup")?, &group)
    })
    .await
}

/// Whether this is the business card of this participant.
pub async fn check_card(body: Bytes, group: String) -> Result<(), Rejection> {
    aside(move || {
        let document = parse(&body)?;
        check_participant(root(&document, "BusinessCard")?, &group)
    })
    .await
}

/// Whether this is the metadata of this participant for this document type, or a redirect, which names
/// neither.
pub async fn check_metadata(
    body: Bytes,
    group: String,
    document_type: String,
) -> Result<(), Rejection> {
    aside(move || check_service(root(&parse(&body)?, "ServiceMetadata")?, &group, &document_type)).await
}

/// Runs a check where it keeps no other request waiting: a mebibyte of XML takes its time.
async fn aside(
    check: impl FnOnce() -> Result<(), Rejection> + Send + 'static,
) -> Result<(), Rejection> {
    let checked = task::spawn_blocking(check).await;
    checked.map_err(|error| Rejection::unavailable("smp.xml.parser", StoreError::new(error)))?
}

fn check_service(root: Node<'_, '_>, group: &str, document_type: &str) -> Result<(), Rejection> {
    let information = children(root, "ServiceInformation");
    let redirects = children(root, "Redirect");
    let information = match (information.as_slice(), redirects.as_slice()) {
        ([], [_]) => return Ok(()),
        ([information], []) => *information,
        _ => return Err(bad("smp.xml.content")),
    };
    check_participant(information, group)?;
    let written = written_id(information, "DocumentIdentifier")?;
    match id::document_type(&written) {
        Some(id) if id == document_type => Ok(()),
        id => Err(bad("smp.xml.other_document_type").caused_by(OtherId::of(id.unwrap_or(written)))),
    }
}

fn parse(body: &[u8]) -> Result<Document<'_>, Rejection> {
    let options = ParsingOptions { allow_dtd: false, ..ParsingOptions::default() };
    let text = text(body)?;
    let document = Document::parse_with_options(text, options).map_err(|error| match error {
        Error::DtdDetected => bad("smp.xml.doctype"),
        error => bad("smp.xml.not_well_formed").caused_by(error),
    })?;
    if strict::is_strict(text) { Ok(document) } else { Err(bad("smp.xml.not_strict")) }
}

fn text(body: &[u8]) -> Result<&str, Rejection> {
    let text = str::from_utf8(body).map_err(|_| bad("smp.xml.not_utf8"))?;
    // No tag has a `<` in it, and each attribute a `=`.
    let is_plain = text.split('<').all(|piece| piece.matches('=').count() <= MOST)
        && text.matches("xmlns").count() <= MOST;
    if is_plain { Ok(text) } else { Err(bad("smp.xml.too_many_attributes")) }
}

fn root<'d, 'input>(document: &'d Document<'input>, name: &str) -> Result<Node<'d, 'input>, Rejection> {
    let root = document.root_element();
    if root.tag_name().name() == name { Ok(root) } else { Err(bad("smp.xml.other_root")) }
}

fn check_participant(parent: Node<'_, '_>, group: &str) -> Result<(), Rejection> {
    let written = written_id(parent, "ParticipantIdentifier")?;
    match id::participant(&written) {
        Some(id) if id == group => Ok(()),
        id => Err(bad("smp.xml.other_participant").caused_by(OtherId::of(id.unwrap_or(written)))),
    }
}

fn written_id(parent: Node<'_, '_>, name: &str) -> Result<String, Rejection> {
    let elements = children(parent, name);
    let written = match elements.as_slice() {
        [element] if !element.children().any(|child| child.is_element()) => {
            // Comments in between are no part of it.
            let texts = element.children().filter(Node::is_text);
            let value: String = texts.filter_map(|text| text.text()).collect();
            element.attribute("scheme").and_then(|scheme| id::joined(scheme, &value))
        }
        _ => None,
    };
    written.ok_or_else(|| bad("smp.xml.no_id"))
}

/// The children of this name, in whatever namespace: each version of the format has its own.
fn children<'d, 'input>(parent: Node<'d, 'input>, name: &str) -> Vec<Node<'d, 'input>> {
    parent.children().filter(|child| child.tag_name().name() == name).collect()
}

fn bad(reason: &'static str) -> Rejection {
    Rejection::new(RejectionKind::BadRequest, reason)
}
