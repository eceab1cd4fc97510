//! The formats of a body: JSON, XML and NVP.

use std::io;

use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Writer, escape::escape, name::QName};

use super::node::Node;

/// What `responsetype` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `json`, and everything else.
    Json,
    /// `xml`.
    Xml,
    /// `nvp`.
    Nvp,
}

impl Format {
    /// Reads `responsetype`.
    pub fn parse(name: &[u8]) -> Self {
        match name.to_ascii_lowercase().as_slice() {
            b"xml" => Self::Xml,
            b"nvp" => Self::Nvp,
            _ => Self::Json,
        }
    }

    /// The `Content-Type` of its bodies.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::Xml => "application/xml; charset=utf-8",
            Self::Nvp => "text/plain; charset=utf-8",
        }
    }

    /// The body of an answer to this action.
    pub fn write(self, action: &str, answer: &Node<'_>) -> io::Result<Vec<u8>> {
        match self {
            Self::Json => Ok(serde_json::to_vec(answer)?),
            Self::Xml => xml(action, answer),
            Self::Nvp => {
                let mut body = String::new();
                nvp(&mut body, "", answer);
                Ok(body.into_bytes())
            }
        }
    }
}

/// `key=value;` one after another, with `[key]` after the key for every array a value is in.
fn nvp(body: &mut String, path: &str, node: &Node<'_>) {
    let mut below = |key: &str, node| match path {
        "" => nvp(body, key, node),
        _ => nvp(body, &format!("{path}[{key}]"), node),
    };
    match node {
        Node::Map(entries) => entries.iter().for_each(|(key, node)| below(key, node)),
        Node::List(nodes) => nodes.iter().enumerate().for_each(|(index, node)| below(&index.to_string(), node)),
        value => {
            body.push_str(path);
            body.push('=');
            body.push_str(&value.text());
            body.push(';');
        }
    }
}

/// `<whmcsapi>` with the action and the keys of the answer.
fn xml(action: &str, answer: &Node<'_>) -> io::Result<Vec<u8>> {
    let mut writer = Writer::new(Vec::new());
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    writer.write_event(Event::Text(BytesText::from_escaped("\n")))?;
    let root = BytesStart::new("whmcsapi").with_attributes([("version", env!("CARGO_PKG_VERSION"))]);
    writer.write_event(Event::Start(root))?;
    element(&mut writer, "action", &Node::Text(action.into()))?;
    children(&mut writer, "", answer)?;
    writer.write_event(Event::End(BytesEnd::new("whmcsapi")))?;
    Ok(writer.into_inner())
}

fn element(writer: &mut Writer<Vec<u8>>, key: &str, node: &Node<'_>) -> io::Result<()> {
    let (name, start) = if is_xml_name(key) {
        (key, BytesStart::new(key))
    } else {
        let value = escaped(key).replace('\n', "&#10;").replace('\t', "&#9;");
        let mut start = BytesStart::new("item");
        start.push_attribute(Attribute { key: QName("name"), value: value.into() });
        ("item", start)
    };
    writer.write_event(Event::Start(start))?;
    children(writer, key, node)?;
    writer.write_event(Event::End(BytesEnd::new(name)))
}

/// What an element of this key holds. A list's elements all have one name: the key without its plural `s`, or `item`.
fn children(writer: &mut Writer<Vec<u8>>, key: &str, node: &Node<'_>) -> io::Result<()> {
    match node {
        Node::Map(entries) => entries.iter().try_for_each(|(key, node)| element(writer, key, node)),
        Node::List(nodes) => {
            let singular = key.strip_suffix('s').filter(|name| is_xml_name(name)).unwrap_or("item");
            nodes.iter().try_for_each(|node| element(writer, singular, node))
        }
        value => writer.write_event(Event::Text(BytesText::from_escaped(escaped(&value.text())))),
    }
}

/// Text as XML 1.0 can hold it: a character that has no place there becomes U+FFFD, and a carriage return stays one.
fn escaped(text: &str) -> String {
    escape(possible(text)).replace('\r', "&#13;")
}

fn possible(text: &str) -> String {
    text.replace(
        |c| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}'),
        "\u{fffd}",
    )
}

/// Whether a key can be an element's name (XML 1.0, productions 4 and 5). A colon would be a namespace.
fn is_xml_name(key: &str) -> bool {
    let starts = |c| {
        matches!(c, 'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
            | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
            | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
            | '\u{10000}'..='\u{effff}')
    };
    let goes_on = |c| {
        starts(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
    };
    key.chars().next().is_some_and(starts) && key.chars().all(goes_on)
}

#[cfg(test)]
mod tests {
    use quick_xml::escape::unescape;

    use super::*;

    fn text(text: &str) -> Node<'_> {
        Node::Text(text.into())
    }

    fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Node<'a>)>) -> Node<'a> {
        Node::Map(entries.into_iter().map(|(key, node)| (key.into(), node)).collect())
    }

    fn body(format: Format, answer: &Node<'_>) -> String {
        String::from_utf8(format.write("listoauthcredentials", answer).unwrap()).unwrap()
    }

    fn inner_xml(answer: &Node<'_>) -> String {
        let body = body(Format::Xml, answer);
        let (_, inner) = body.split_once("</action>").unwrap();
        inner.strip_suffix("</whmcsapi>").unwrap().to_owned()
    }

    fn list() -> Node<'static> {
        map([
            ("result", text("success")),
            (
                "clients",
                Node::List(vec![
                    map([("credentialId", Node::Int(1)), ("uuid", Node::Null), ("name", text("a=b;c"))]),
                    map([("redirectUri", Node::List(vec![text("https://a.example"), text("https://b.example")]))]),
                ]),
            ),
        ])
    }

    #[test]
    fn an_unknown_format_is_json() {
        assert_eq!(["", "yaml", "JSON"].map(|name| Format::parse(name.as_bytes())), [Format::Json; 3]);
        assert_eq!(["xml", "XML"].map(|name| Format::parse(name.as_bytes())), [Format::Xml; 2]);
        assert_eq!(Format::parse(b"Nvp"), Format::Nvp);
    }

    #[test]
    fn a_format_has_a_content_type() {
        assert_eq!(Format::Json.content_type(), "application/json; charset=utf-8");
        assert_eq!(Format::Xml.content_type(), "application/xml; charset=utf-8");
        assert_eq!(Format::Nvp.content_type(), "text/plain; charset=utf-8");
    }

    #[test]
    fn json_keeps_the_order_and_the_types() {
        assert_eq!(
            body(Format::Json, &list()),
            r#"{"result":"success","clients":[{"credentialId":1,"uuid":null,"name":"a=b;c"},{"redirectUri":["https://a.example","https://b.example"]}]}"#
        );
        let others = map([
            ("f", Node::Float(1.5)),
            ("g", Node::Float(f64::NAN)),
            ("t", Node::Bool(true)),
            ("l", Node::List(vec![])),
            ("\u{1}\"", text("\n\u{1}\"\\/é")),
        ]);
        assert_eq!(
            body(Format::Json, &others),
            "{\"f\":1.5,\"g\":null,\"t\":true,\"l\":[],\"\\u0001\\\"\":\"\\n\\u0001\\\"\\\\/é\"}"
        );
    }

    #[test]
    fn what_is_no_number_is_empty_where_there_is_text_only() {
        let numbers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.5].map(Node::Float);
        let numbers = map([("n", Node::List(numbers.into()))]);
        assert_eq!(body(Format::Nvp, &numbers), "n[0]=;n[1]=;n[2]=;n[3]=1.5;");
        assert_eq!(inner_xml(&numbers), "<n><item></item><item></item><item></item><item>1.5</item></n>");
        assert_eq!(body(Format::Json, &numbers), r#"{"n":[null,null,null,1.5]}"#);
    }

    #[test]
    fn nvp_writes_nested_keys_in_brackets() {
        assert_eq!(
            body(Format::Nvp, &list()),
            "result=success;clients[0][credentialId]=1;clients[0][uuid]=;clients[0][name]=a=b;c;\
             clients[1][redirectUri][0]=https://a.example;clients[1][redirectUri][1]=https://b.example;"
        );
    }

    #[test]
    fn xml_begins_with_the_action_and_repeats_one_name_for_a_list() {
        let expected = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<whmcsapi version=\"{}\">\
             <action>listoauthcredentials</action><result>success</result><clients>\
             <client><credentialId>1</credentialId><uuid></uuid><name>a=b;c</name></client>\
             <client><redirectUri><item>https://a.example</item><item>https://b.example</item></redirectUri></client>\
             </clients></whmcsapi>",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(body(Format::Xml, &list()), expected);
    }

    #[test]
    fn a_key_that_is_no_xml_name_is_an_attribute() {
        for key in ["5", "", "a b", "a:b", "-a", "a<b>\"&\n"] {
            let name = key.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
            let name = name.replace('\n', "&#10;");
            assert_eq!(inner_xml(&map([(key, Node::Int(1))])), format!("<item name=\"{name}\">1</item>"));
        }
        assert_eq!(inner_xml(&map([("_é.1", Node::Bool(false))])), "<_é.1>0</_é.1>");
    }

    #[test]
    fn a_list_whose_key_has_no_plural_has_items() {
        let list = || Node::List(vec![Node::Int(1)]);
        assert_eq!(inner_xml(&map([("s", list())])), "<s><item>1</item></s>");
        assert_eq!(inner_xml(&map([("7s", list())])), "<item name=\"7s\"><item>1</item></item>");
        assert_eq!(inner_xml(&map([("rows", Node::List(vec![list()]))])), "<rows><row><item>1</item></row></rows>");
        assert_eq!(inner_xml(&list()), "<item>1</item>");
    }

    #[test]
    fn xml_holds_any_text() {
        assert_eq!(
            inner_xml(&map([("a", text("<&>]]>\0\u{b}\u{ffff}\r\n\té"))])),
            "<a>&lt;&amp;&gt;]]&gt;\u{fffd}\u{fffd}\u{fffd}&#13;\n\té</a>"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_key_and_any_text_come_back_out_of_the_xml(key in "(?s).*", value in "(?s).*") {
            let body = body(Format::Xml, &map([(key.as_str(), text(&value))]));
            let mut reader = quick_xml::Reader::from_str(&body);
            let (mut elements, mut texts) = (Vec::new(), Vec::new());
            loop {
                match reader.read_event().unwrap() {
                    Event::Start(start) => {
                        let name = start.attributes().find(|attribute| attribute.as_ref().unwrap().key.0 == "name");
                        elements.push(match name {
                            Some(name) => unescape(&name.unwrap().value).unwrap().into_owned(),
                            None => start.name().0.to_owned(),
                        });
                        texts.push(String::new());
                    }
                    Event::Text(found) => texts.last_mut().unwrap_or(&mut String::new()).push_str(&found),
                    Event::GeneralRef(found) => {
                        let found = format!("&{};", &*found);
                        texts.last_mut().unwrap().push_str(&unescape(&found).unwrap());
                    }
                    Event::Eof => break,
                    _ => {}
                }
            }
            assert_eq!([elements.last().unwrap(), texts.last().unwrap()], [&possible(&key), &possible(&value)]);
        }
    }
}
