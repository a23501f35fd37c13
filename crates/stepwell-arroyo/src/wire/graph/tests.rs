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

#[test]
fn a_graph_is_the_same_wherever_it_comes_from() {
    let read: PipelineGraph = serde_json::from_value(graph()).unwrap();
    assert_eq!(read.parallelism(), Some(2), "before it is taken apart");
    let made = PipelineGraph::new(read.nodes().to_vec(), read.edges().to_vec());
    assert_eq!(read, made);
    assert_eq!(
        serde_json::to_value(&read).unwrap(),
        serde_json::to_value(&made).unwrap()
    );
    for graph in [read, made] {
        assert!(graph.has_preview());
        assert_eq!(graph.parallelism(), Some(2));
        assert_eq!(graph.with_parallelism(3).parallelism(), Some(3));
        assert_eq!((graph.nodes().len(), graph.edges().len()), (2, 2));
    }
    assert_eq!(PipelineGraph::default().parallelism(), None);
}

#[test]
fn a_graph_of_a_kind_to_come_has_no_operators() {
    let newer: PipelineGraph =
        serde_json::from_value(json!({"nodes": [{"uuid": "7"}], "edges": []})).unwrap();
    assert!(newer.nodes().is_empty() && newer.edges().is_empty());
    assert_eq!(newer.parallelism(), None);
    assert!(!newer.has_preview());
}

#[test]
fn what_is_no_object_is_no_graph() {
    for value in [json!([]), json!("{}"), json!(1)] {
        assert!(serde_json::from_value::<PipelineGraph>(value).is_err());
    }
}

/// Each question only needs its own fields, whatever was asked before.
#[test]
fn what_is_known_of_a_newer_graph_does_not_depend_on_what_was_asked_before() {
    let newer = json!({"nodes": [{"uuid": "7", "operator": "preview", "parallelism": 3}]});
    let newer: PipelineGraph = serde_json::from_value(newer).unwrap();
    for _ in 0..2 {
        assert_eq!(newer.parallelism(), Some(3));
        assert!(newer.has_preview());
        assert!(newer.nodes().is_empty());
    }
}
