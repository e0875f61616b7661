//! Random entries of `configMapGenerator` and `secretGenerator`.

use super::objects::{self, NAMESPACES};
use super::overlay::{Layer, labels, target_name};
use super::rng::Rng;
use super::yaml::{Y, map, s};

pub(crate) fn generator(rng: &mut Rng, layer: &mut Layer<'_>) {
    let is_secret = rng.chance(35);
    let mut node = map([("name", objects::name(rng))]);
    let mut filled = false;
    if rng.chance(60) {
        let literals = [
            "a=b",
            "\"key=it's\"",
            "'q=\"x\"'",
            "k=1",
            "empty=",
            "\"sp= x \"",
            "é=ü",
            "url=http://a?b=c",
            "\"n=a\\nb\"",
            "y=yes",
            "WEB=web",
            "key=new",
        ];
        let mut items: Vec<Y> = (0..=rng.below(2)).map(|_| s(rng.word(&literals))).collect();
        items.dedup();
        if rng.chance(1) {
            items.push(s("bad"));
        }
        node.set("literals", Y::List(items));
        filled = true;
    }
    if rng.chance(30) || !filled {
        const TEXTS: &[&str] = &[
            "x=1\n",
            "line one\nline two\n",
            "tab\tx\n",
            "no newline",
            "trailing \nspace\n",
            "",
            "key: [1, 2]\n",
            "{\"a\": \"b\"}",
            "windows\r\nlines\r\n",
            "é\n",
            "  lead\n\n\n",
            "a\n\nb",
            "😀\n",
        ];
        let text = rng.word(TEXTS);
        let mut file = layer.file("file.txt", text);
        if rng.chance(10) {
            let path = format!("{}/{file}", layer.folder);
            layer.files.insert(path, vec![0, 159, 146, 150, 255]);
        }
        if rng.chance(40) {
            file = format!("{}={file}", rng.word(&["k", "key.txt", "k.v", "a.b-c_d"]));
        }
        node.set("files", Y::List(vec![s(file)]));
    }
    if rng.chance(20) {
        const ENVS: &[&str] = &[
            "A=1\nB=two words\n",
            "# c\n\nA=x\n",
            "A=\"q\"\n",
            " A= b \n",
            "WEB_NAME\n",
            "\u{feff}A=1\n",
            "A=$(B)\r\nC=d\r\n",
        ];
        let text = rng.word(ENVS);
        let file = layer.file("vars.env", text);
        if rng.chance(80) {
            node.set("envs", Y::List(vec![s(file)]));
        } else {
            node.set("env", s(file));
        }
    }
    let kind = if is_secret { "Secret" } else { "ConfigMap" };
    let known = target_name(rng, layer, &[kind]);
    match known {
        Some(name) if rng.chance(40) => {
            node.set("name", s(name));
            node.set("behavior", s(rng.word(&["merge", "replace", "merge"])));
        }
        _ if rng.chance(5) => node.set("behavior", s(rng.word(&["create", "merge", "other"]))),
        _ => {}
    }
    if rng.chance(15) {
        node.set("namespace", s(rng.word(NAMESPACES)));
    }
    if rng.chance(25) {
        let mut options = map([]);
        if rng.chance(50) {
            options.set("disableNameSuffixHash", s("true"));
        }
        if rng.chance(30) {
            options.set("labels", labels(rng));
        }
        if rng.chance(30) {
            options.set("annotations", labels(rng));
        }
        if rng.chance(20) {
            options.set("immutable", s("true"));
        }
        node.set("options", options);
    }
    if is_secret && rng.chance(25) {
        node.set(
            "type",
            s(rng.word(&["kubernetes.io/tls", "Opaque", "\"\""])),
        );
    }
    let object = map([
        ("apiVersion", s("v1")),
        ("kind", s(kind)),
        (
            "metadata",
            map([("name", node.get("name").cloned().unwrap_or(s("x")))]),
        ),
        ("data", map([("key", s("x"))])),
    ]);
    layer.seen.push(object);
    layer.add(
        if is_secret {
            "secretGenerator"
        } else {
            "configMapGenerator"
        },
        node,
    );
}
