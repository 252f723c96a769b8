// SPDX-License-Identifier: Apache-2.0
//
// The files below Page/, as constants of the program: a program that serves the page needs nothing beside it. A new file
// needs an array and an entry of the table.

#include "CPlaygroundPage.h"

// `#embed` is part of C23, and an extension of the compiler before that.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char icon_svg[] = {
#embed "Page/icon.svg"
};
static const unsigned char index_html[] = {
#embed "Page/index.html"
};
static const unsigned char main_js[] = {
#embed "Page/main.js"
};
static const unsigned char lib_api_js[] = {
#embed "Page/lib/api.js"
};
static const unsigned char lib_code_examples_js[] = {
#embed "Page/lib/code-examples.js"
};
static const unsigned char lib_components_js[] = {
#embed "Page/lib/components.js"
};
static const unsigned char lib_composer_js[] = {
#embed "Page/lib/composer.js"
};
static const unsigned char lib_contents_js[] = {
#embed "Page/lib/contents.js"
};
static const unsigned char lib_csv_js[] = {
#embed "Page/lib/csv.js"
};
static const unsigned char lib_dom_js[] = {
#embed "Page/lib/dom.js"
};
static const unsigned char lib_event_log_js[] = {
#embed "Page/lib/event-log.js"
};
static const unsigned char lib_follower_js[] = {
#embed "Page/lib/follower.js"
};
static const unsigned char lib_format_js[] = {
#embed "Page/lib/format.js"
};
static const unsigned char lib_json_fault_js[] = {
#embed "Page/lib/json-fault.js"
};
static const unsigned char lib_json_tree_js[] = {
#embed "Page/lib/json-tree.js"
};
static const unsigned char lib_keyboard_js[] = {
#embed "Page/lib/keyboard.js"
};
static const unsigned char lib_manifest_js[] = {
#embed "Page/lib/manifest.js"
};
static const unsigned char lib_markdown_js[] = {
#embed "Page/lib/markdown.js"
};
static const unsigned char lib_message_view_js[] = {
#embed "Page/lib/message-view.js"
};
static const unsigned char lib_metrics_js[] = {
#embed "Page/lib/metrics.js"
};
static const unsigned char lib_model_js[] = {
#embed "Page/lib/model.js"
};
static const unsigned char lib_question_view_js[] = {
#embed "Page/lib/question-view.js"
};
static const unsigned char lib_root_js[] = {
#embed "Page/lib/root.js"
};
static const unsigned char lib_router_js[] = {
#embed "Page/lib/router.js"
};
static const unsigned char lib_run_card_js[] = {
#embed "Page/lib/run-card.js"
};
static const unsigned char lib_run_events_js[] = {
#embed "Page/lib/run-events.js"
};
static const unsigned char lib_run_input_js[] = {
#embed "Page/lib/run-input.js"
};
static const unsigned char lib_run_replay_js[] = {
#embed "Page/lib/run-replay.js"
};
static const unsigned char lib_run_timeline_js[] = {
#embed "Page/lib/run-timeline.js"
};
static const unsigned char lib_sse_js[] = {
#embed "Page/lib/sse.js"
};
static const unsigned char lib_starting_js[] = {
#embed "Page/lib/starting.js"
};
static const unsigned char lib_store_js[] = {
#embed "Page/lib/store.js"
};
static const unsigned char lib_text_view_js[] = {
#embed "Page/lib/text-view.js"
};
static const unsigned char lib_texts_js[] = {
#embed "Page/lib/texts.js"
};
static const unsigned char lib_virtual_list_js[] = {
#embed "Page/lib/virtual-list.js"
};
static const unsigned char style_agents_css[] = {
#embed "Page/style/agents.css"
};
static const unsigned char style_base_css[] = {
#embed "Page/style/base.css"
};
static const unsigned char style_components_css[] = {
#embed "Page/style/components.css"
};
static const unsigned char style_content_css[] = {
#embed "Page/style/content.css"
};
static const unsigned char style_runs_css[] = {
#embed "Page/style/runs.css"
};
static const unsigned char views_agent_js[] = {
#embed "Page/views/agent.js"
};
static const unsigned char views_agents_js[] = {
#embed "Page/views/agents.js"
};
static const unsigned char views_processes_js[] = {
#embed "Page/views/processes.js"
};
static const unsigned char views_run_js[] = {
#embed "Page/views/run.js"
};
static const unsigned char views_runs_js[] = {
#embed "Page/views/runs.js"
};
static const unsigned char views_sessions_js[] = {
#embed "Page/views/sessions.js"
};

#define FILE(path, bytes) { path, bytes, sizeof bytes }

static const playground_page_file files[] = {
    FILE("icon.svg", icon_svg),
    FILE("index.html", index_html),
    FILE("main.js", main_js),
    FILE("lib/api.js", lib_api_js),
    FILE("lib/code-examples.js", lib_code_examples_js),
    FILE("lib/components.js", lib_components_js),
    FILE("lib/composer.js", lib_composer_js),
    FILE("lib/contents.js", lib_contents_js),
    FILE("lib/csv.js", lib_csv_js),
    FILE("lib/dom.js", lib_dom_js),
    FILE("lib/event-log.js", lib_event_log_js),
    FILE("lib/follower.js", lib_follower_js),
    FILE("lib/format.js", lib_format_js),
    FILE("lib/json-fault.js", lib_json_fault_js),
    FILE("lib/json-tree.js", lib_json_tree_js),
    FILE("lib/keyboard.js", lib_keyboard_js),
    FILE("lib/manifest.js", lib_manifest_js),
    FILE("lib/markdown.js", lib_markdown_js),
    FILE("lib/message-view.js", lib_message_view_js),
    FILE("lib/metrics.js", lib_metrics_js),
    FILE("lib/model.js", lib_model_js),
    FILE("lib/question-view.js", lib_question_view_js),
    FILE("lib/root.js", lib_root_js),
    FILE("lib/router.js", lib_router_js),
    FILE("lib/run-card.js", lib_run_card_js),
    FILE("lib/run-events.js", lib_run_events_js),
    FILE("lib/run-input.js", lib_run_input_js),
    FILE("lib/run-replay.js", lib_run_replay_js),
    FILE("lib/run-timeline.js", lib_run_timeline_js),
    FILE("lib/sse.js", lib_sse_js),
    FILE("lib/starting.js", lib_starting_js),
    FILE("lib/store.js", lib_store_js),
    FILE("lib/text-view.js", lib_text_view_js),
    FILE("lib/texts.js", lib_texts_js),
    FILE("lib/virtual-list.js", lib_virtual_list_js),
    FILE("style/agents.css", style_agents_css),
    FILE("style/base.css", style_base_css),
    FILE("style/components.css", style_components_css),
    FILE("style/content.css", style_content_css),
    FILE("style/runs.css", style_runs_css),
    FILE("views/agent.js", views_agent_js),
    FILE("views/agents.js", views_agents_js),
    FILE("views/processes.js", views_processes_js),
    FILE("views/run.js", views_run_js),
    FILE("views/runs.js", views_runs_js),
    FILE("views/sessions.js", views_sessions_js),
};

const size_t playground_page_file_count = sizeof files / sizeof files[0];

const playground_page_file *playground_page_files_start(void) {
    return files;
}
