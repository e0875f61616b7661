//! What users who may not do everything are told.

use crate::project::{App, Project, config_map};

#[test]
fn the_missing_verb_is_named() {
    let project = Project::new("rights");
    project
        .write("a.yaml", &config_map("a", "1"))
        .write("web.yaml", &App::default().yaml());
    project
        .run_as("viewer", &["diff", "shop", "app"])
        .exits(1)
        .warns("no permission to list secrets in namespace rights-");
    project.namespace.grant("viewer", "get,list,watch", "*.*");
    project.upgrade(&[]).exits(0);

    project.write("a.yaml", &config_map("a", "2"));
    project
        .run_as("viewer", &["diff", "shop", "app"])
        .exits(1)
        .warns("no permission to patch configmaps in namespace rights-")
        .warns("kubectl auth can-i patch configmaps");
    project
        .run_as("viewer", &["upgrade", "shop", "app", "--yes"])
        .exits(1)
        .warns("no permission to patch configmaps");
    assert_eq!(project.revisions(), ["1 deployed"]);
}

#[test]
fn without_the_right_to_see_nodes_the_live_strategy_stays() {
    let project = Project::new("nodes");
    project
        .write("web.yaml", &App::default().yaml())
        .upgrade(&[])
        .exits(0);
    project.namespace.grant("editor", "*", "*.*");
    project.write(
        "web.yaml",
        &App {
            image: "shop/web:2",
            ..App::default()
        }
        .yaml(),
    );
    project
        .run_as("editor", &["upgrade", "shop", "app", "--yes"])
        .exits(0)
        .says("strategy  web: rolling, chosen by auto")
        .says("no permission to list nodes");
}
