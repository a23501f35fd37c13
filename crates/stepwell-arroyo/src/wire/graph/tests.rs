use serde_json::{Value, json};

use super::*;

fn graph() -> Value {
    json!({
        "nodes": [
            {"node_id": 0, "operator": "impulse", "description": "Impulse\n<10 eps>", "parallelism": 1},
            {"nodeId": "4", "operator": "preview", "description": "PreviewSink", "parallelism": 2},
        ],
        "edges": [
            {"src_id": 0, "dest_id": 4, "key_type": "()", "value_type": "()", "edge_type": "Forward"},
            {"srcId": "0", "destId": "4"},
        ],
        "new": [1],
    })
}

/// Every value in the graph in turn is replaced by each of these, or taken away.
fn spoiled(value: &Value) -> Vec<Value> {
    let others = [
        json!(null),
        json!(-1),
        json!(1.5),
        json!(4_294_967_296_u64),
        json!(7),
        json!("7"),
        json!("seven"),
        json!({}),
        json!([]),
        json!([{}]),
        json!(true),
    ];
    let mut all = others.to_vec();
    match value {
        Value::Array(rows) => {
            for (place, row) in rows.iter().enumerate() {
                all.extend(spoiled(row).into_iter().map(|row| {
                    let mut rows = rows.clone();
                    rows[place] = row;
                    Value::Array(rows)
                }));
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let mut without = fields.clone();
                without.remove(name);
                all.push(Value::Object(without));
                all.extend(spoiled(field).into_iter().map(|field| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), field);
                    Value::Object(fields)
                }));
            }
        }
        _ => {}
    }
    all
}

#[test]
fn what_passes_the_check_can_be_taken_apart_and_nothing_else_passes() {
    let all = spoiled(&graph());
    let mut passed = 0;
    for value in &all {
        let text = value.to_string();
        let checked = serde_json::from_str::<PipelineGraph>(&text);
        let parts = serde_json::from_str::<Parts>(&text);
        match (checked, parts) {
            (Ok(graph), Ok(parts)) => {
                assert_eq!(*graph.parts(), parts, "{text}");
                passed += 1;
            }
            (Err(_), Err(_)) => {}
            (checked, parts) => panic!("{text}: {checked:?}, but {parts:?}"),
        }
    }
    assert!(passed > 20 && all.len() - passed > 100, "{passed} passed");
}

#[test]
fn a_graph_is_the_same_wherever_it_comes_from() {
    let read: PipelineGraph = serde_json::from_value(graph()).unwrap();
    let made = PipelineGraph::new(read.nodes().to_vec(), read.edges().to_vec());
    assert_eq!(read, made);
    assert_eq!(
        serde_json::to_value(&read).unwrap(),
        serde_json::to_value(&made).unwrap()
    );
    assert!(read.has_preview());
    assert_eq!(read.parallelism(), Some(2));
    assert_eq!(read.with_parallelism(3).parallelism(), Some(3));
    assert_eq!(PipelineGraph::default().parallelism(), None);
}
