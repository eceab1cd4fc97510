//! Answers in JSON, XML and NVP.

use std::fmt::Write as _;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::Event;

use crate::http::format::Format;
use crate::http::node::Node;

/// What is read from JSON is written and read again in each format.
pub fn formats(input: &[u8]) {
    let Some(node) = Node::from_json(input) else { return };
    let json = Format::Json.write("action", &node).unwrap();
    assert_eq!(Node::from_json(&json), Some(node.clone()), "JSON");

    let xml = String::from_utf8(Format::Xml.write("action", &node).unwrap()).unwrap();
    // The root holds the action, too: what else is text there is in no element of its own.
    let mut expected = vec!["action".to_owned()];
    match &node {
        Node::List(nodes) => nodes.iter().for_each(|node| texts(node, &mut expected)),
        Node::Map(entries) => entries.iter().for_each(|(_, node)| texts(node, &mut expected)),
        _ => {}
    }
    assert_eq!(texts_of_xml(&xml), expected, "{xml}");

    let mut expected = String::new();
    pairs(&node, "", &mut expected);
    assert_eq!(Format::Nvp.write("action", &node).unwrap(), expected.into_bytes(), "NVP");
}

/// The values of a tree in their order, as XML can hold them.
fn texts(node: &Node<'_>, found: &mut Vec<String>) {
    match node {
        Node::List(nodes) if !nodes.is_empty() => nodes.iter().for_each(|node| texts(node, found)),
        Node::Map(entries) if !entries.is_empty() => entries.iter().for_each(|(_, node)| texts(node, found)),
        // An array without elements is an element without text.
        value => {
            let possible = |c: char| match c {
                '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'.. => c,
                _ => char::REPLACEMENT_CHARACTER,
            };
            found.push(value.text().chars().map(possible).collect());
        }
    }
}

/// The texts of the elements that hold no others, in their order. Each element is closed by its own name.
fn texts_of_xml(xml: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let (mut found, mut open) = (Vec::new(), Vec::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                if let Some((_, is_leaf)) = open.last_mut() {
                    *is_leaf = false;
                }
                start.attributes().for_each(|attribute| drop(unescape(&attribute.unwrap().value).unwrap()));
                open.push((String::new(), true));
            }
            Event::End(_) => {
                let (text, is_leaf) = open.pop().unwrap();
                if is_leaf {
                    found.push(text);
                }
            }
            Event::Text(text) => {
                if let Some((inner, _)) = open.last_mut() {
                    inner.push_str(&text);
                }
            }
            Event::GeneralRef(name) => {
                let text = format!("&{};", &*name);
                open.last_mut().unwrap().0.push_str(&unescape(&text).unwrap());
            }
            Event::Eof => return found,
            _ => {}
        }
    }
}

fn pairs(node: &Node<'_>, path: &str, found: &mut String) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}[{key}]") };
    match node {
        Node::List(nodes) => {
            nodes.iter().enumerate().for_each(|(at, node)| pairs(node, &below(&at.to_string()), found));
        }
        Node::Map(entries) => entries.iter().for_each(|(key, node)| pairs(node, &below(key), found)),
        value => write!(found, "{path}={};", value.text()).unwrap(),
    }
}
