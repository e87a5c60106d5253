use std::{collections::BTreeSet, fmt::Write};

use percent_encoding::percent_decode_str;

/// Where two base strings differ: in the method, the URL, or in which parameters.
pub(crate) fn difference(ours: &str, theirs: &str) -> String {
    if ours == theirs {
        return "The base strings are the same: only the secret can differ.\n".to_owned();
    }
    let mut text = String::new();
    let (mut ours, mut theirs) = (ours.splitn(3, '&'), theirs.splitn(3, '&'));
    for part in ["method", "URL", "parameter string"] {
        let (here, there) = (ours.next().unwrap_or_default(), theirs.next().unwrap_or_default());
        let said = if here == there {
            "the same".to_owned()
        } else if part == "parameter string" {
            parameters(&decoded(here), &decoded(there))
        } else {
            format!("here {}, there {}", decoded(here), decoded(there))
        };
        writeln!(text, "{part:<17} {said}").expect("a string takes it");
    }
    text
}

fn parameters(here: &str, there: &str) -> String {
    if here == there {
        return "encoded in another way".to_owned();
    }
    let [ours, theirs] = [here, there].map(|text| text.split('&').collect::<BTreeSet<_>>());
    let joined =
        |one: &BTreeSet<&str>, other| one.difference(other).copied().collect::<Vec<_>>().join("&");
    match (joined(&ours, &theirs), joined(&theirs, &ours)) {
        (only_here, only_there) if only_here.is_empty() && only_there.is_empty() => {
            format!("in another order: here {here}, there {there}")
        }
        (only_here, only_there) => format!("only here {only_here}, only there {only_there}"),
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
