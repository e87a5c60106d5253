//! What one parser takes and another does not, or takes for something else, is refused.

use bytes::Bytes;

use crate::gateway_support::{Folder, Server};
use crate::{
    CARD, CARD_XML, GROUP, GROUP_XML, SERVICE, SERVICE_XML, documents::refused, group_of, write,
};

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";

/// This document, wrong in each of the ways that only some parsers notice.
fn lax(good: &str) -> Vec<Bytes> {
    let element = good.strip_prefix(DECLARATION).unwrap().trim_start();
    let declared = [
        "<?xml version=\"1.0\" encoding=\"UTF-7\"?><!-- --+AD4APAAh-DOCTYPE x+AD4 -->",
        "<?xml version=\"1.0\" encoding=\"UTF-7\"?>",
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?>",
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>",
        "<?xml version=\"1.0\" encoding=\"foo bar\"?>",
        "<?xml version=\"1.0\" encoding=\"\"?>",
        "<?xml version=\"1.0\" encoding='UTF-16'?>",
        "<?xml version=\"x\"?>",
        "<?xml version=\"1.1\"?>",
        "<?xml version=\"\" encoding=\"UTF-8\"?>",
        "<?xml version=\"1.0\" standalone=\"maybe\"?>",
        "<?xml version=\"1.0\" standalone=\"YES\"?>",
        "<?xml version=\"1.0\" standalone=\"yes\" encoding=\"UTF-8\"?>",
        "<?xml encoding=\"UTF-8\"?>",
        "<?XmL a?>",
        "<?a\"b?>",
        "<?a:b c?>",
        "<?a?>",
        "<?xml-stylesheet href=\"x.xsl\"?>",
    ];
    let value = "5060210000007";
    let inside = [
        "<?XmL a?>",
        "<?a\"b?>",
        "<?a:b c?>",
        "<?xml-stylesheet href=\"x.xsl\"?>",
        "<:a/>",
        "<a></:a>",
        "<a :b=\"\"/>",
        "<a b=\"&gt;>\" :c=''/>",
        "<a xmlns:p=\"\"/>",
        "<a xmlns:p = ''/>",
        "<a b='>' xmlns:p=''/>",
        "<a xmlns:xmlns=\"urn:example\"/>",
        "<a xmlns=\"urn:a\" xmlns=\"urn:b\"/>",
        "<a b=\"&#x110000;\"/>",
        "<a b='&#xD800;'/>",
        "&#x110000;",
        "&#xD800;",
        "&#57343;",
        "&#xFFFE;",
        "&#0;",
        "&#x;",
        "<!-- &#9; --><![CDATA[<]]>&#x1F;",
    ];
    let before_the_end = |inside: &str| {
        let (start, end) = element.trim_end().rsplit_once("</").unwrap();
        format!("{DECLARATION}{start}<Extension>{inside}</Extension></{end}")
    };
    let declared = declared.iter().map(|declaration| format!("{declaration}{element}"));
    let after = ["<?a?>", "<?xml version=\"1.0\"?>"].map(|last| format!("{good}{last}"));
    let in_the_id =
        ["<?a?>", "&#xD800;"].map(|inside| good.replace(value, &format!("{value}{inside}")));
    let inside = inside.iter().map(|inside| before_the_end(inside));
    declared.chain(inside).chain(after).chain(in_the_id).map(Bytes::from).collect()
}

#[tokio::test]
async fn a_service_group_that_parsers_disagree_about_is_refused() {
    refused(GROUP, GROUP_XML, &lax(GROUP_XML)).await;
}

#[tokio::test]
async fn service_metadata_that_parsers_disagree_about_is_refused() {
    refused(SERVICE, SERVICE_XML, &lax(SERVICE_XML)).await;
}

#[tokio::test]
async fn a_business_card_that_parsers_disagree_about_is_refused() {
    refused(CARD, CARD_XML, &lax(CARD_XML)).await;
}

#[tokio::test]
async fn what_all_parsers_take_is_stored() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let path = "/iso6523-actorid-upis::9915:strict";
    let group = group_of("iso6523-actorid-upis", "9915:strict");
    let with = |inside: &str| {
        group.replace("</ServiceGroup>", &format!("<Extension>{inside}</Extension></ServiceGroup>"))
    };
    for document in [
        group.clone(),
        format!("<?xml version=\"1.0\"?>{group}"),
        format!("<?xml version='1.0' encoding='utf-8'?>\n{group}"),
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n{group}"),
        format!("<?xml  version = '1.0'\tstandalone = \"no\" ?>{group}"),
        format!("\u{feff}{DECLARATION}<!-- <?a?> <:a> &#0; -->{group}<!-- <!DOCTYPE x> -->"),
        with("<![CDATA[<?a?> <:a xmlns:p=\"\"> &#0; <!DOCTYPE x>]]>"),
        with(
            "<!-- ' --><a b=\"'>&lt;?a?&gt; :x xmlns:p=''\" c='\"/>' d=':' /> ' :x = \" &amp;#0; &#38;#0;",
        ),
        with(
            "<p:a xmlns=\"\" xmlns:p=\"urn:a\" p:b='' b = \"\"\n><a xmlns=\"urn:b\" xmlns:p=\"urn:b\"/></p:a >",
        ),
        with("&#9;&#xA;&#x20;&#xD7FF;&#xE000;&#xFFFD;&#x10FFFF;&#1114111;<a b='&#13;'/>"),
        with("h\u{f6}here Nutzlast \u{1f980} &#x1F980;"),
    ] {
        let reply = write(&server, ("PUT", path, document.clone()), &server.user_token()).await;
        assert_eq!(reply.status, 200, "{document}");
        assert_eq!(server.get(path, &[]).await.body, document);
    }
}
