//! Tests of tables: what is seen in a file, what is learned, and what is refused.

use ibex_graph::DType;

use super::*;

fn table(text: &str) -> Table {
    Csv::default().parse(text.as_bytes(), "a.csv").unwrap()
}

fn error(bytes: &[u8]) -> String {
    Csv::default().parse(bytes, "a.csv").unwrap_err().to_string()
}

#[test]
fn delimiters_headers_and_missing_values_are_seen() {
    for text in ["a,b\n1,x\n?,\n", "a;b\n1;x\nNA;\n", "a\tb\n1\tx\nnull\t\n", "a|b\n1|x\n|?\n"] {
        let table = table(text);
        assert_eq!(table.names(), ["a", "b"]);
        assert_eq!(table.column("b").unwrap().1, &Column::Texts(vec![Some("x".into()), None]));
        let Column::Numbers(values) = table.column("a").unwrap().1 else { panic!("texts") };
        assert!(values[0] == 1.0 && values[1].is_nan());
    }
    let blanks = table("  1  2.5 -3\n4 5 6\n");
    assert_eq!((blanks.names().join(" "), blanks.count()), ("0 1 2".into(), 2));
    assert_eq!(blanks.column("-1").unwrap().1, &Column::Numbers(vec![-3.0, 6.0]));
    // A number in the first line: no names.
    assert_eq!(table("M,0.4\nF,0.5\n").count(), 2);
    let forced = Csv { header: Some(true), delimiter: None }.parse(b"1,2\n3,4\n", "a").unwrap();
    assert_eq!(forced.names(), ["1", "2"]);
    let quoted = table("name,text\n\"a, b\",\"two\nlines\"\n");
    assert_eq!(quoted.column("text").unwrap().1.text(0).unwrap(), "two\nlines");
    assert_eq!(table("\u{feff}a,b\n1,2\n").names(), ["a", "b"]);
}

#[test]
fn what_is_no_table_is_refused() {
    assert_eq!(
        error(b"a,b\n1,2\n3\n"),
        "`a.csv`, line 3: the table is ragged\n  expected  2 fields, as in the first line\n  \
         received  1\n  help: a comma within a field needs quotes around the field"
    );
    assert!(error(b"").contains("the table is empty"));
    assert!(error(b"\n\n").contains("the table is empty"));
    assert!(error(b"a,b\n").contains("has names but no rows"));
    assert!(error(b"a,a\nx,y\n").contains("two columns have the same name"));
    assert!(error(b"a\n\xff\xfe\n").contains("other bytes in line 2"));
    let near = table("size,price\n1,2\n").column("prise").unwrap_err().to_string();
    assert!(near.contains("did you mean `price`?"), "{near}");
}

#[test]
fn features_follow_from_the_rows_to_train_on() {
    let train = table("n,c,y\n1,red,0\n3,blue,1\n5,red,0\n,red,1\n");
    let choices = Choices::default();
    let encoder = Encoder::learn(&train, Some("y"), Task::Classification, &choices).unwrap();
    let x = encoder.inputs(&train).unwrap();
    let deviation = (8f64 / 3.0).sqrt();
    let row = |i: usize| x.rows(i, i + 1).to_f64_vec();
    for (found, expected) in row(0).iter().zip([-2.0 / deviation, 0.0, 0.0, 1.0, 0.0]) {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
    // Missing: the mean, and a mark.
    assert_eq!(row(3), [0.0, 1.0, 0.0, 1.0, 0.0]);
    // Other rows are measured by these, and what is new is the first category.
    let other = encoder.inputs(&table("n,c\n3,green\nx,\n")).unwrap();
    assert_eq!(other.to_f64_vec(), [0., 1., 1., 0., 0., 0., 1., 1., 0., 0.]);
    let y = encoder.samples(&train).unwrap().y.remove(0);
    assert_eq!((y.dtype(), y.to_f64_vec()), (DType::I32, vec![0., 1., 0., 1.]));
    let json = serde_json::to_string(&encoder).unwrap();
    assert_eq!(serde_json::from_str::<Encoder>(&json).unwrap(), encoder);
}

#[test]
fn kinds_of_columns_are_guessed() {
    let lines: String = (0..12)
        .map(|i| format!("{i},id{i},some words of row {i},{},{}.5\n", ["a", "b"][i % 2], i * i))
        .collect();
    let table = table(&format!("row,name,text,kind,size\n{lines}"));
    let learn = |choices: &Choices| Encoder::learn(&table, Some("size"), Task::Guess, choices);
    let encoder = learn(&Choices::default()).unwrap();
    let kinds: Vec<String> = encoder
        .features()
        .iter()
        .map(|(_, f)| serde_json::to_value(f).unwrap()["kind"].as_str().unwrap().to_string())
        .collect();
    assert_eq!(kinds, ["ignored", "ignored", "text", "category"]);
    assert!(matches!(encoder.target(), Some((_, Target::Quantity { .. }))));
    let names = |list: &[&str]| list.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    let choices =
        Choices { ignored: names(&["text"]), categories: names(&["name"]), ..Choices::default() };
    assert_eq!(learn(&choices).unwrap().width(), 13 + 3);
    let unknown = Choices { ignored: names(&["sise"]), ..Choices::default() };
    assert!(learn(&unknown).unwrap_err().to_string().contains("did you mean `size`?"));
}

#[test]
fn targets_are_classes_or_quantities() {
    let learn = |text: &str, task| {
        let table = table(text);
        let encoder = Encoder::learn(&table, Some("y"), task, &Choices::default())?;
        Ok::<_, Error>(encoder.samples(&table)?.y.remove(0))
    };
    let few = "x,y\n1.5,2\n2.5,2\n0.5,7\n3.5,7\n1.5,2\n0.5,2\n0.5,7\n1.5,2\n1.5,2\n1.5,2\n";
    assert_eq!(learn(few, Task::Guess).unwrap().to_f64_vec()[..3], [0., 0., 1.]);
    assert_eq!(learn(few, Task::Regression).unwrap().to_f64_vec()[..3], [2., 2., 7.]);
    let text = |text: &str, task| learn(text, task).unwrap_err().to_string();
    assert!(text("x,y\n1,a\n2,b\n", Task::Regression).contains("is no quantity"));
    assert!(text("x,y\n1,a\n2,a\n", Task::Guess).contains("has one class only"));
    assert!(text("x,y\n1,1.5\n2,\n3,2.5\n", Task::Guess).contains("row 1 is missing"));
    let table = table("y\n1\n2\n");
    let alone = Encoder::learn(&table, Some("y"), Task::Guess, &Choices::default()).unwrap_err();
    assert!(alone.to_string().contains("no column to learn from"), "{alone}");
}

#[test]
fn hashes_and_bins() {
    let column = Column::Numbers(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let bins = Feature::bins(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3);
    assert_eq!(bins, Feature::Bins { boundaries: vec![3.0, 5.0] });
    let rows = bins.apply(&column);
    assert_eq!(rows[..9], [1., 0., 0., 1., 0., 0., 0., 1., 0.]);
    let hash = Feature::Hash { bins: 4 };
    assert_eq!(hash.apply(&column).iter().sum::<f32>(), 6.0);
}
