//! The blog over MCP: a thin translation of [`Blog`] to tools, resources and prompts.
//!
//! Each handler names the person, calls one business function and says how the answer looks. Who may do what is not
//! decided here; the scopes on the declarations only let a client know beforehand what it will be asked for.

use std::time::Duration;

use barewire_mcp::types::content::{Annotations, ContentBlock, Role};
use barewire_mcp::types::elicitation::{BooleanSchema, ElicitAction, ElicitRequest, ElicitSchema};
use barewire_mcp::types::prompts::PromptMessage;
use barewire_mcp::types::resources::{Resource as Listed, ResourceContents};
use barewire_mcp_server::{
    App, CompletionInput, CompletionOf, Context, McpServer, McpServerBuilder, PageRequest, Prompt,
    PromptArguments, Publisher, Resource, ResourceList, ResourcePage, ResourceTemplate, Structured, Tool,
    ToolError, UriVariables,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;

use crate::blog::{Blog, BlogError, Identity, PAGE, READ, WRITE};
use crate::post::{ListPosts, NewPost, Post, PostChange, PostPage, Status};

const POST: &str = "post://{id}";
const RECENT: &str = "posts://recent";
const VIEW: &str = "ui://blog/post";
const MARKDOWN: &str = "text/markdown";
const TONES: [&str; 5] = ["dry", "friendly", "matter-of-fact", "playful", "solemn"];

const INSTRUCTIONS: &str = "A small blog. You act for the person who logged in: you see published posts and that \
    person's drafts, and change only that person's posts. Search before you say that something is not there. Save as \
    draft unless the person asked to publish.";

/// Everything the blog offers, on a server that people call `title`.
pub fn server(blog: &Blog, title: &str) -> McpServerBuilder {
    let for_recent = blog.clone();
    McpServer::builder("barewire-blog", env!("CARGO_PKG_VERSION"))
        .title(title)
        .instructions(INSTRUCTIONS)
        .tool(
            reads(
                "list_posts",
                "List posts",
                "Lists posts, newest first: published ones, and your own drafts.",
            ),
            with(blog, list_posts),
        )
        .tool(
            reads(
                "search_posts",
                "Search posts",
                "Finds posts that contain all words of a query, newest first.",
            ),
            with(blog, search_posts),
        )
        .tool(reads("read_post", "Read a post", "Reads one post.").app(VIEW), with(blog, read_post))
        .tool(
            writes(
                "create_post",
                "Write a post",
                "Publishes a post as you, or saves it as a draft only you see.",
            )
            .annotations(|hints| hints.destructive(false)),
            with(blog, create_post),
        )
        .tool(
            writes(
                "update_post",
                "Change a post",
                "Changes a post of yours; what you leave out stays as it is.",
            )
            .annotations(|hints| hints.idempotent(true)),
            with(blog, update_post),
        )
        .tool(
            writes(
                "delete_post",
                "Delete a post",
                "Deletes a post of yours for good, once you have confirmed it.",
            ),
            with(blog, delete_post),
        )
        .tool(
            reads(
                "export_posts",
                "Export your posts",
                "Writes all your posts into one Markdown text. Takes its time, and says how far it is.",
            ),
            with(blog, export_posts),
        )
        .app(
            App::new(VIEW, "post-view", include_str!("post_view.html"))
                .title("A post")
                .description("Shows the post that was read.")
                .prefers_border(true)
                .scopes([READ]),
        )
        .resource(
            Resource::new(RECENT, "recent")
                .title("Recent posts")
                .description("The twenty newest posts that you can see.")
                .mime_type("application/json")
                .scopes([READ]),
            move |ctx| recent(for_recent.clone(), ctx),
        )
        .resource_template(
            ResourceTemplate::new(POST, "post")
                .title("A post")
                .description("One post as Markdown.")
                .mime_type(MARKDOWN)
                .scopes([READ]),
            with(blog, post_resource),
        )
        .resources(ResourceList::new(POST), with(blog, post_list))
        .prompt(
            Prompt::new("summarize_post", "Summarizes a post in three sentences.")
                .title("Summarize a post")
                .argument("id", "Number of the post")
                .scopes([READ]),
            with(blog, summarize_post),
        )
        .prompt(
            Prompt::new("draft_post", "Starts a new post in the blog's manner.")
                .title("Draft a post")
                .argument("topic", "What it is about; tags of the blog are proposed")
                .optional_argument("tone", "How it should sound")
                .scopes([READ]),
            with(blog, draft_post),
        )
        .completion(CompletionOf::resource_template(POST, "id"), with(blog, complete_id))
        .completion(CompletionOf::prompt("summarize_post", "id"), with(blog, complete_id))
        .completion(CompletionOf::prompt("draft_post", "topic"), with(blog, complete_topic))
        .completion(CompletionOf::prompt("draft_post", "tone"), with(blog, complete_tone))
}

/// Tells subscribers what changed, whoever changed it by whatever way, until the blog is gone.
///
/// Of drafts nobody hears: a notification goes to everybody who listens, and would tell them all when somebody writes.
/// The one person whose list a draft changes knows, having changed it; and a list is not to be kept (`ttlMs` 0).
pub async fn publish_changes(blog: Blog, publish: Publisher) {
    let mut changes = blog.changes();
    drop(blog);
    loop {
        match changes.recv().await {
            Ok(change) if change.public => {
                publish.resource_updated(format!("post://{}", change.id));
                publish.resource_updated(RECENT);
                if change.listing {
                    publish.resources_changed();
                }
            }
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => {
                publish.resource_updated(RECENT);
                publish.resources_changed();
            }
            Err(RecvError::Closed) => return,
        }
    }
}

// ---------------------------------------------------------------------------------------------------- tools

/// Which post.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PostId {
    /// Number of the post.
    id: i64,
}

/// What to look for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SearchPosts {
    /// Words, or beginnings of words, all of which have to occur.
    query: String,
    /// Where to read on: the `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many posts a page has, 1 to 50.
    limit: Option<u32>,
}

/// Which post, and what to change about it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UpdatePost {
    /// Number of the post.
    id: i64,
    /// One line of plain text, at most 200 characters.
    title: Option<String>,
    /// Plain text, at most 20,000 characters.
    content: Option<String>,
    /// At most 10 lower-case words; replaces all tags.
    tags: Option<Vec<String>>,
    /// `published` shows the post to everybody, `draft` hides it again.
    status: Option<Status>,
}

/// How to export.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExportPosts {
    /// Pause after each post in milliseconds, at most 2000, so that the progress can be watched.
    #[serde(default = "a_moment")]
    #[schemars(range(max = 2000))]
    pause_ms: u64,
}

fn a_moment() -> u64 {
    150
}

/// What became of a post that was to be deleted.
#[derive(Debug, Serialize, JsonSchema)]
struct Deletion {
    /// Whether it is gone.
    deleted: bool,
    /// The post.
    post: Post,
}

type Answer<T> = Result<Structured<T>, ToolError>;

async fn list_posts(blog: Blog, ctx: Context, what: ListPosts) -> Answer<PostPage> {
    Ok(Structured(blog.list(&who(&ctx)?, &what).await?))
}

async fn search_posts(blog: Blog, ctx: Context, search: SearchPosts) -> Answer<PostPage> {
    let SearchPosts { query, cursor, limit } = search;
    let what = ListPosts { query: Some(query), cursor, limit, ..ListPosts::default() };
    Ok(Structured(blog.list(&who(&ctx)?, &what).await?))
}

async fn read_post(blog: Blog, ctx: Context, PostId { id }: PostId) -> Answer<Post> {
    Ok(Structured(blog.read(&who(&ctx)?, id).await?))
}

async fn create_post(blog: Blog, ctx: Context, new: NewPost) -> Answer<Post> {
    Ok(Structured(blog.create(&who(&ctx)?, new).await?))
}

async fn update_post(blog: Blog, ctx: Context, update: UpdatePost) -> Answer<Post> {
    let UpdatePost { id, title, content, tags, status } = update;
    Ok(Structured(blog.update(&who(&ctx)?, id, PostChange { title, content, tags, status }).await?))
}

async fn delete_post(blog: Blog, ctx: Context, PostId { id }: PostId) -> Answer<Deletion> {
    let who = who(&ctx)?;
    let post = blog.own(&who, id).await?;
    let sure = BooleanSchema { title: Some("Delete it for good".to_owned()), ..BooleanSchema::default() };
    let question = format!("Delete your post {id}, “{}”? This cannot be undone.", post.title);
    let form = ElicitRequest::form(question, ElicitSchema::new().required("confirm", sure));
    let answer = ctx.elicit("confirm", form).await?;
    let confirmed = answer.action == ElicitAction::Accept
        && answer.content.is_some_and(|content| content.get("confirm") == Some(&true.into()));
    let post = if confirmed { blog.delete(&who, id).await? } else { post };
    Ok(Structured(Deletion { deleted: confirmed, post }))
}

/// Cancelling the call drops this future at its next pause.
async fn export_posts(
    blog: Blog,
    ctx: Context,
    ExportPosts { pause_ms }: ExportPosts,
) -> Result<String, ToolError> {
    let who = who(&ctx)?;
    let author = Some(blog.me(&who).await?.username);
    let mut posts = Vec::new();
    let mut what = ListPosts { author, limit: Some(50), ..ListPosts::default() };
    loop {
        let page = blog.list(&who, &what).await?;
        posts.extend(page.posts);
        what.cursor = page.next_cursor;
        if what.cursor.is_none() {
            break;
        }
    }
    let mut text = String::new();
    for (done, post) in posts.iter().enumerate() {
        ctx.progress(done as f64, Some(posts.len() as f64), Some(&post.title)).await;
        text.push_str(&markdown(post));
        tokio::time::sleep(Duration::from_millis(pause_ms.min(2000))).await;
    }
    ctx.progress(posts.len() as f64, Some(posts.len() as f64), Some("done")).await;
    Ok(text)
}

// ------------------------------------------------------------------------------------ resources and prompts

async fn recent(blog: Blog, ctx: Context) -> Answer<PostPage> {
    Ok(Structured(blog.list(&who(&ctx)?, &ListPosts::default()).await?))
}

async fn post_resource(blog: Blog, ctx: Context, variables: UriVariables) -> Result<String, ToolError> {
    let missing = || ToolError::not_found(variables.uri());
    let id = variables.get("id").parse().map_err(|_| missing())?;
    match blog.read(&who(&ctx)?, id).await {
        Ok(post) => Ok(markdown(&post)),
        Err(BlogError::NotFound(_)) => Err(missing()),
        Err(error) => Err(error.into()),
    }
}

/// A page of this is a page of [`Blog::list`], cursor and all.
async fn post_list(blog: Blog, ctx: Context, page: PageRequest) -> Result<ResourcePage, ToolError> {
    let limit = u32::try_from(page.size).map_or(PAGE, |size| size.min(PAGE));
    let what = ListPosts { cursor: page.cursor, limit: Some(limit), ..ListPosts::default() };
    let PostPage { posts, next_cursor } = blog.list(&who(&ctx)?, &what).await?;
    Ok(ResourcePage { resources: posts.iter().map(listed).collect(), next_cursor })
}

fn listed(post: &Post) -> Listed {
    let Post { id, author, title, tags, updated_at, .. } = post;
    let kind = if post.status == Status::Draft { "Draft" } else { "Post" };
    let about = if tags.is_empty() { String::new() } else { format!(" about {}", tags.join(", ")) };
    Listed {
        uri: format!("post://{id}"),
        name: format!("post-{id}"),
        title: Some(title.clone()),
        description: Some(format!("{kind} by {author}{about}")),
        mime_type: Some(MARKDOWN.to_owned()),
        size: Some(markdown(post).len() as u64),
        annotations: Some(Annotations { last_modified: Some(updated_at.clone()), ..Annotations::default() }),
        ..Listed::default()
    }
}

async fn summarize_post(
    blog: Blog,
    ctx: Context,
    arguments: PromptArguments,
) -> Result<Vec<PromptMessage>, ToolError> {
    let id = arguments.get("id").parse().map_err(|_| ToolError::new("the id of a post is a number"))?;
    let post = blog.read(&who(&ctx)?, id).await?;
    let resource = ResourceContents::text(format!("post://{id}"), MARKDOWN, markdown(&post));
    Ok(vec![
        user(ContentBlock::text("Summarize this post in three sentences. Keep its tone, add nothing to it.")),
        user(ContentBlock::resource(resource)),
    ])
}

async fn draft_post(_: Blog, _: Context, arguments: PromptArguments) -> Result<String, ToolError> {
    let (topic, tone) = (arguments.get("topic"), arguments.optional("tone").unwrap_or("matter-of-fact"));
    Ok(format!(
        "Write a short post for my blog about {topic}, in a {tone} tone: one observation, one turn, no moral. Look at \
         a few of my posts with list_posts first, and save it as a draft with create_post."
    ))
}

async fn complete_id(blog: Blog, ctx: Context, input: CompletionInput) -> Result<Vec<String>, ToolError> {
    Ok(blog.complete_id(&who(&ctx)?, &input.value).await?)
}

async fn complete_topic(blog: Blog, ctx: Context, input: CompletionInput) -> Result<Vec<String>, ToolError> {
    Ok(blog.complete_tag(&who(&ctx)?, &input.value).await?)
}

async fn complete_tone(_: Blog, _: Context, input: CompletionInput) -> Result<Vec<String>, ToolError> {
    Ok(TONES.iter().filter(|tone| tone.starts_with(&input.value)).map(ToString::to_string).collect())
}

// -------------------------------------------------------------------------------------------------- helpers

fn reads(name: &str, title: &str, description: &str) -> Tool {
    Tool::new(name, description)
        .title(title)
        .scopes([READ])
        .annotations(|hints| hints.read_only(true).open_world(false))
}

fn writes(name: &str, title: &str, description: &str) -> Tool {
    Tool::new(name, description)
        .title(title)
        .scopes([WRITE])
        .annotations(|hints| hints.read_only(false).destructive(true).open_world(false))
}

/// Gives each call of a handler the blog.
fn with<A, F, Fut>(blog: &Blog, handler: F) -> impl Fn(Context, A) -> Fut + Send + Sync + 'static
where
    F: Fn(Blog, Context, A) -> Fut + Send + Sync + 'static,
{
    let blog = blog.clone();
    move |ctx, arguments| handler(blog.clone(), ctx, arguments)
}

fn who(ctx: &Context) -> Result<Identity, ToolError> {
    ctx.principal().map(Identity::from).ok_or_else(ToolError::login_required)
}

fn markdown(post: &Post) -> String {
    let Post { title, author, created_at, content, .. } = post;
    format!("# {title}\n\n*{author}, {created_at}*\n\n{content}\n\n")
}

fn user(content: ContentBlock) -> PromptMessage {
    PromptMessage { role: Role::User, content }
}

/// The one table from the blog's errors to MCP's: what the model can mend it reads, the rest it does not.
impl From<BlogError> for ToolError {
    fn from(error: BlogError) -> Self {
        match error {
            BlogError::Scope(scope) => Self::scopes_required([scope]),
            BlogError::Database(_) | BlogError::Migrate(_) => Self::internal(error),
            BlogError::NotFound(_)
            | BlogError::NotYours(_)
            | BlogError::Invalid { .. }
            | BlogError::UnknownUser
            | BlogError::Full => Self::new(error.to_string()),
        }
    }
}
