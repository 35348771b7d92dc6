//! Splits a Rust file into code, comments and tests, line by line.
//!
//! It knows the lexical grammar (strings, raw strings, characters, lifetimes, nested comments) and
//! the extent of an item by its braces; it must not know any rule.

/// One line of a file.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The line as it is written.
    pub(super) raw: String,
    /// The line with comments and the insides of strings blanked out.
    pub(super) code: String,
    /// The text of the comments on the line, with their markers.
    pub(super) comment: String,
    /// Whether the line is compiled for tests only.
    pub(super) is_test: bool,
    /// Whether the line begins within a string.
    pub(super) is_text: bool,
}

/// A function with a body: its name, and its first and last line, counted from 0.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) first: usize,
    pub(super) last: usize,
}

/// A Rust file.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: String,
    pub(super) lines: Vec<Line>,
    pub(super) functions: Vec<Function>,
    /// Paths without extension of modules in other files which are compiled for tests only.
    test_modules: Vec<String>,
}

/// Folders of a crate in which everything is a test, a benchmark or an example.
const TEST_FOLDERS: &[&str] = &["tests", "benches", "examples"];

impl Source {
    /// Splits the text of the file at `path` (relative to the workspace, with `/`).
    pub(super) fn parse(path: &str, text: &str) -> Source {
        let mut lines = split(text);
        let code = Code::new(&lines);
        let mut test_modules = Vec::new();
        let mut spans = Vec::new();
        for start in code.test_attributes() {
            let Some(item) = code.item(start) else {
                continue;
            };
            match item {
                Item::Body { last } => spans.push((code.line_of(start), last)),
                Item::Declaration { text, last } => {
                    spans.push((code.line_of(start), last));
                    if let Some(name) = word_after(&text, "mod") {
                        test_modules.push(module_path(path, &name));
                    }
                }
            }
        }
        let functions = code.functions();
        let everything = path.split('/').any(|part| TEST_FOLDERS.contains(&part));
        for (index, line) in lines.iter_mut().enumerate() {
            let inside = spans.iter().any(|&(first, last)| first <= index && index <= last);
            line.is_test = everything || inside;
        }
        Source { path: path.into(), lines, functions, test_modules }
    }

    /// The number of lines outside tests.
    pub(super) fn length_without_tests(&self) -> usize {
        self.lines.iter().filter(|line| !line.is_test).count()
    }
}

/// Marks the files that another file declares as `#[cfg(test)] mod name;`.
pub(super) fn mark_test_modules(sources: &mut [Source]) {
    let modules: Vec<String> =
        sources.iter().flat_map(|source| source.test_modules.clone()).collect();
    for source in sources {
        let stem = source.path.trim_end_matches(".rs");
        let below = |module: &String| {
            stem == module || stem.strip_prefix(module).is_some_and(|rest| rest.starts_with('/'))
        };
        if modules.iter().any(below) {
            source.lines.iter_mut().for_each(|line| line.is_test = true);
        }
    }
}

/// Whether `text` holds `word` as a whole word; gives the byte positions.
pub(super) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_identifier) && !after.is_some_and(is_identifier)
    })
}

fn is_identifier(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The identifier that follows the first whole word `word`.
fn word_after(text: &str, word: &str) -> Option<String> {
    let at = words(text, word).next()?;
    let rest = text[at + word.len()..].trim_start();
    let name: String = rest.chars().take_while(|&c| is_identifier(c)).collect();
    (!name.is_empty()).then_some(name)
}

/// Where the module `name`, declared in the file `path`, lives (without extension).
fn module_path(path: &str, name: &str) -> String {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    match file {
        "mod.rs" | "lib.rs" | "main.rs" => format!("{folder}/{name}"),
        _ => format!("{}/{name}", path.trim_end_matches(".rs")),
    }
}

/// What the lexer is inside of.
#[derive(Clone, Copy)]
enum State {
    Code,
    LineComment,
    BlockComment { depth: usize },
    Text,
    RawText { hashes: usize },
}

/// Splits into lines, blanking comments and the insides of strings in the `code` of each.
fn split(text: &str) -> Vec<Line> {
    let characters: Vec<char> = text.chars().collect();
    let mut lines = vec![Line::default()];
    let mut state = State::Code;
    let mut at = 0;
    while at < characters.len() {
        if characters[at] == '\n' {
            if matches!(state, State::LineComment) {
                state = State::Code;
            }
            let is_text = matches!(state, State::Text | State::RawText { .. });
            lines.push(Line { is_text, ..Line::default() });
            at += 1;
            continue;
        }
        let (next, length) = step(&characters, at, state);
        let Some(line) = lines.last_mut() else {
            break;
        };
        let piece = &characters[at..(at + length).min(characters.len())];
        for (offset, &character) in piece.iter().enumerate() {
            line.raw.push(character);
            let at_an_end = offset == 0 || offset + 1 == piece.len();
            let blank = match (state, next) {
                // The only code piece of several characters is a character literal.
                (State::Code, State::Code) => !at_an_end,
                (State::Code, State::Text | State::RawText { .. }) => false,
                (State::Text | State::RawText { .. }, State::Code) => false,
                (State::Text | State::RawText { .. }, _) => true,
                _ => {
                    line.comment.push(character);
                    true
                }
            };
            line.code.push(if blank { ' ' } else { character });
        }
        state = next;
        at += length;
    }
    if lines.last().is_some_and(|line| line.raw.is_empty()) {
        lines.pop();
    }
    lines
}

/// The state after the token piece at `at`, and the number of characters of that piece.
///
/// No piece but an escape holds a line break.
fn step(characters: &[char], at: usize, state: State) -> (State, usize) {
    let here = characters[at];
    let next = characters.get(at + 1).copied().unwrap_or('\0');
    match state {
        State::LineComment => (State::LineComment, 1),
        State::BlockComment { depth } => match (here, next) {
            ('/', '*') => (State::BlockComment { depth: depth + 1 }, 2),
            ('*', '/') if depth == 1 => (State::Code, 2),
            ('*', '/') => (State::BlockComment { depth: depth - 1 }, 2),
            _ => (state, 1),
        },
        State::Text => match here {
            '\\' if next != '\n' => (State::Text, 2),
            '"' => (State::Code, 1),
            _ => (State::Text, 1),
        },
        State::RawText { hashes } => {
            let closed =
                here == '"' && (1..=hashes).all(|offset| characters.get(at + offset) == Some(&'#'));
            if closed { (State::Code, 1) } else { (state, 1) }
        }
        State::Code => match (here, next) {
            ('/', '/') => (State::LineComment, 2),
            ('/', '*') => (State::BlockComment { depth: 1 }, 2),
            ('"', _) => (raw_string(characters, at), 1),
            ('\'', _) => (State::Code, character_literal(characters, at)),
            _ => (State::Code, 1),
        },
    }
}

/// Whether the quote at `at` opens a raw string (`r"`, `br#"`, …) or a plain one.
fn raw_string(characters: &[char], at: usize) -> State {
    let mut start = at;
    while start > 0 && characters[start - 1] == '#' {
        start -= 1;
    }
    let hashes = at - start;
    let mut prefix = String::new();
    while start > 0 && is_identifier(characters[start - 1]) {
        start -= 1;
        prefix.insert(0, characters[start]);
    }
    match prefix.as_str() {
        "r" | "br" | "cr" => State::RawText { hashes },
        _ => State::Text,
    }
}

/// The length of the character literal at `at`, or 1 where the quote begins a lifetime.
fn character_literal(characters: &[char], at: usize) -> usize {
    let get = |offset: usize| characters.get(at + offset).copied().unwrap_or('\0');
    if get(1) == '\\' {
        let close = (3..12).find(|&offset| get(offset) == '\'');
        return close.map_or(1, |offset| offset + 1);
    }
    if get(2) == '\'' && get(1) != '\n' { 3 } else { 1 }
}

/// Where an item ends.
enum Item {
    /// With a body in braces, at this line.
    Body { last: usize },
    /// At a semicolon; the text up to it.
    Declaration { text: String, last: usize },
}

/// The code of a whole file, for rules that look past the end of a line.
struct Code {
    text: String,
    starts: Vec<usize>,
}

impl Code {
    fn new(lines: &[Line]) -> Code {
        let mut text = String::new();
        let mut starts = Vec::with_capacity(lines.len());
        for line in lines {
            starts.push(text.len());
            text.push_str(&line.code);
            text.push('\n');
        }
        Code { text, starts }
    }

    fn line_of(&self, at: usize) -> usize {
        self.starts.partition_point(|&start| start <= at).saturating_sub(1)
    }

    /// The positions of the attributes that make the next item a test.
    fn test_attributes(&self) -> Vec<usize> {
        let mut found = Vec::new();
        for attribute in ["#[cfg(test)]", "#[cfg(all(test", "#[test]"] {
            found.extend(self.text.match_indices(attribute).map(|(at, _)| at));
        }
        found
    }

    /// The extent of the item that begins (perhaps with attributes) at `start`.
    fn item(&self, start: usize) -> Option<Item> {
        let mut nesting = 0_usize;
        let mut braces = 0_usize;
        for (offset, character) in self.text[start..].char_indices() {
            match character {
                '(' | '[' => nesting += 1,
                ')' | ']' => nesting = nesting.saturating_sub(1),
                '{' => braces += 1,
                '}' if braces <= 1 => {
                    return Some(Item::Body { last: self.line_of(start + offset) });
                }
                '}' => braces -= 1,
                ';' if nesting == 0 && braces == 0 => {
                    let last = self.line_of(start + offset);
                    let text = self.text[start..start + offset].to_owned();
                    return Some(Item::Declaration { text, last });
                }
                _ => {}
            }
        }
        None
    }

    fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        for at in words(&self.text, "fn") {
            // A function pointer type (`fn(…)`) has no name and no body.
            let Some(name) = word_after(&self.text[at..], "fn") else {
                continue;
            };
            if self.text[at + 2..].trim_start().starts_with('(') {
                continue;
            }
            if let Some(Item::Body { last }) = self.item(at) {
                functions.push(Function { name, first: self.line_of(at), last });
            }
        }
        functions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<String> {
        let source = Source::parse("crates/a/src/lib.rs", text);
        source.lines.iter().map(|line| line.code.trim_end().to_owned()).collect()
    }

    #[test]
    fn strings_comments_and_characters_are_not_code() {
        assert_eq!(codes("let a = \"panic!\"; // unsafe"), ["let a = \"      \";"]);
        assert_eq!(
            codes("let a = r#\"say \"hi\" // no\"#; b"),
            ["let a = r#\"              \"#; b"]
        );
        assert_eq!(codes("/* a /* b */ c */ d"), ["                  d"]);
        assert_eq!(codes("let q = '\"'; let t = 'a'; x"), ["let q = ' '; let t = ' '; x"]);
        assert_eq!(
            codes(r"let q = '\''; let b = '\u{1F600}'; x"),
            ["let q = '  '; let b = '         '; x"]
        );
        assert_eq!(codes("fn f<'a>(x: &'a str) {}"), ["fn f<'a>(x: &'a str) {}"]);
        assert_eq!(codes("\"one\\\" two\" + three"), ["\"         \" + three"]);
        assert_eq!(codes("\"first\nunsafe\" + x"), ["\"", "      \" + x"]);
    }

    #[test]
    fn comments_keep_their_text() {
        let source = Source::parse("crates/a/src/lib.rs", "a(); // invariant: b\n/* c\nd */ e");
        let comments: Vec<&str> = source.lines.iter().map(|line| line.comment.as_str()).collect();
        assert_eq!(comments, ["// invariant: b", "/* c", "d */"]);
    }

    #[test]
    fn test_modules_and_test_functions_are_tests() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { \"}\"; }\n}\nfn c() {}\n\
                    #[test]\nfn d() {}\n";
        let source = Source::parse("crates/a/src/lib.rs", text);
        let tests: Vec<bool> = source.lines.iter().map(|line| line.is_test).collect();
        assert_eq!(tests, [false, true, true, true, true, false, true, true]);
        assert_eq!(source.length_without_tests(), 2);
    }

    #[test]
    fn a_test_module_in_another_file_is_a_test() {
        let mut sources = vec![
            Source::parse("crates/a/src/ops/mod.rs", "#[cfg(test)]\nmod checks;\nmod checksum;\n"),
            Source::parse("crates/a/src/ops/checks.rs", "fn a() {}"),
            Source::parse("crates/a/src/ops/checks/deep.rs", "fn a() {}"),
            Source::parse("crates/a/src/ops/checksum.rs", "fn a() {}"),
        ];
        mark_test_modules(&mut sources);
        let tests: Vec<bool> = sources.iter().map(|source| source.lines[0].is_test).collect();
        assert_eq!(tests, [true, true, true, false]);
    }

    #[test]
    fn functions_have_an_extent() {
        let text = "fn a(x: [u8; 2]) -> [u8; 2] {\n    let f: fn(u8) = g;\n    x\n}\n\
                    trait T { fn b(&self);\n    fn c() {} }\n";
        let source = Source::parse("crates/a/src/lib.rs", text);
        let found: Vec<(&str, usize, usize)> =
            source.functions.iter().map(|f| (f.name.as_str(), f.first, f.last)).collect();
        assert_eq!(found, [("a", 0, 3), ("c", 5, 5)]);
    }

    #[test]
    fn whole_words_only() {
        assert_eq!(words("unsafe unsafe_op not_unsafe (unsafe)", "unsafe").count(), 2);
    }
}
