use std::sync::Arc;

use samewire_protocol::Code;

use super::*;
use crate::rooms::{Kinds, RoomKind};

/// Fills a table as no test could over HTTP in its time.
async fn fill(portal: &Portal, sql: &'static str) {
    portal.ask(move |transaction| Ok(transaction.execute_batch(sql)?)).await.expect("the table takes it");
}

fn portal(folder: &tempfile::TempDir) -> Portal {
    let store = Store::open(folder.path()).expect("records");
    let kind: Arc<dyn RoomKind> = Arc::new(PortalRooms::new(store.clone()));
    let registry = Rooms::registry(&Kinds::default(), vec![("portal".into(), kind)]).expect("kinds");
    Portal::new(store, Rooms::start(registry, u64::MAX))
}

#[tokio::test]
async fn what_there_may_be_is_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    let portal = portal(&folder);
    let library = portal.create_library("olga", "Campaign").await.expect("a library").id;
    fill(
        &portal,
        "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
         INSERT INTO portal_views (library, name, show_health, settings, version, next_item, created, updated)
         SELECT 1, 'view', 0, '{}', 1, 1, 0, 0 FROM n;
         WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
         INSERT INTO library_members (library, user, role, since) SELECT 1, 'user ' || i, 'VIEWER', 0 FROM n;
         WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
         INSERT INTO libraries (id, name, created) SELECT i, 'library', 0 FROM n;
         INSERT INTO library_members (library, user, role, since) SELECT id, 'olga', 'OWNER', 0 FROM libraries WHERE id > 1;",
    )
    .await;
    let new = || NewView { name: "View".into(), ..NewView::default() };
    portal.create_view("olga", library, new()).await.expect("the last view");
    assert_eq!(portal.create_view("olga", library, new()).await.expect_err("one too many").code, Code::QuotaExceeded);
    let added = portal.set_member("olga", library, "nina", MemberRole::Viewer).await;
    assert_eq!(added.expect_err("one too many").code, Code::QuotaExceeded);
    portal.set_member("olga", library, "user 7", MemberRole::Editor).await.expect("another role takes no place");
    let made = portal.create_library("olga", "One more").await;
    assert_eq!(made.expect_err("one too many").code, Code::QuotaExceeded);
    assert_eq!(portal.libraries("olga").await.expect("a list").len(), 1000);
}

/// A refusal in the middle of a request leaves nothing of it.
#[tokio::test]
async fn what_is_refused_is_not_stored_in_part() {
    let folder = tempfile::tempdir().expect("a folder");
    let portal = portal(&folder);
    let library = portal.create_library("olga", "Campaign").await.expect("a library").id;
    let new = NewView {
        name: "View".into(),
        items: vec![NewItem { title: "Dragon".into(), ..NewItem::default() }],
        ..NewView::default()
    };
    let view = portal.create_view("olga", library, new).await.expect("a view");
    let bad = NewItem { title: String::new(), ..NewItem::default() };
    assert_eq!(portal.add_item("olga", view.id, bad).await.expect_err("no title").code, Code::BadParams);
    let (id, after) =
        portal.add_item("olga", view.id, NewItem { title: "Goblin".into(), ..NewItem::default() }).await.expect("an item");
    assert_eq!((id, after.version, after.items.len()), (ItemId(2), 2, 2));
    assert_eq!(portal.view("olga", view.id).await.expect("the view"), after);
}

/// With its library goes everything in it.
#[tokio::test]
async fn nothing_outlives_its_library() {
    let folder = tempfile::tempdir().expect("a folder");
    let portal = portal(&folder);
    let library = portal.create_library("olga", "Campaign").await.expect("a library").id;
    let new = NewView {
        name: "View".into(),
        items: vec![NewItem { title: "Dragon".into(), ..NewItem::default() }],
        ..NewView::default()
    };
    portal.create_view("olga", library, new).await.expect("a view");
    portal.remove_library("olga", library).await.expect("it is gone");
    let query = "SELECT (SELECT count(*) FROM library_members) + (SELECT count(*) FROM portal_views)
         + (SELECT count(*) FROM portal_items) + (SELECT count(*) FROM libraries)";
    let left: u32 =
        portal.ask(move |transaction| Ok(transaction.query_row(query, [], |row| row.get(0))?)).await.expect("a count");
    assert_eq!(left, 0);
}
