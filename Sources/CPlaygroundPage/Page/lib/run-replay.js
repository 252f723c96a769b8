// SPDX-License-Identifier: Apache-2.0

import { errorBox, icon, iconButton } from "./components.js";
import { clear, h } from "./dom.js";
import { number } from "./format.js";
import { applyEvent, emptyModel } from "./model.js";
import { runCard } from "./run-card.js";
import { inputOfRun } from "./run-input.js";
import { summary } from "./run-events.js";
import { t } from "./texts.js";

/** Shows a run as it was after any of its events, with a slider. */
export function showReplay(panel, { run, log, signal }) {
  let position = 0;
  let wanted = 0;
  let isMoving = false;
  let timer = null;
  let stage = null;
  const state = new ReplayState(run);
  const slider = h("input", { type: "range", class: "slider", min: 0, max: Math.max(0, log.count), value: 0, "aria-label": t.runPage.position, oninput: () => move(slider.valueAsNumber) });
  const label = h("span", { class: "replay-position", role: "status" });
  const current = h("p", { class: "replay-event mono" });
  const errors = h("div");
  const view = h("div", { class: "replay-view" });
  const play = iconButton("play", t.runPage.play, toggle);
  panel.append(
    h("div", { class: "replay-bar card" },
      iconButton("chevron", t.runPage.stepBack, () => move(wanted - 1), { class: "icon-button pager-previous" }), play,
      iconButton("chevron", t.runPage.stepForward, () => move(wanted + 1)), slider, label),
    current, errors, view);
  log.addEventListener("change", () => {
    slider.max = log.count;
    showLabel();
  }, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  showLabel();
  rebuild();

  function showLabel() {
    label.textContent = `${number(wanted)} / ${number(log.count)}`;
  }

  function toggle() {
    if (timer) stop();
    else {
      if (wanted >= log.count) move(0);
      play.replaceChildren(icon("pause"));
      play.setAttribute("aria-label", t.runPage.pause);
      // Long runs are played in about 20 seconds.
      const step = Math.max(1, Math.ceil(log.count / 400));
      const tick = () => {
        if (!isMoving) move(wanted + step, true);
        timer = wanted < log.count ? setTimeout(tick, Math.max(50, Math.min(400, 20_000 / log.count))) : null;
        if (!timer) stop();
      };
      timer = setTimeout(tick, 100);
    }
  }

  function stop() {
    clearTimeout(timer);
    timer = null;
    play.replaceChildren(icon("play"));
    play.setAttribute("aria-label", t.runPage.play);
  }

  async function move(target, isPlaying = false) {
    if (!isPlaying) stop();
    wanted = Math.max(0, Math.min(target, log.count));
    slider.value = wanted;
    showLabel();
    if (isMoving) return;
    isMoving = true;
    try {
      while (position !== wanted && !signal.aborted) await step();
    } catch (error) {
      if (!signal.aborted) clear(errors).append(errorBox(error));
    } finally {
      isMoving = false;
    }
  }

  /** Goes towards the position that is wanted, at most to the end of a page. */
  async function step() {
    if (wanted < position) {
      state.restart();
      position = 0;
      rebuild();
    }
    const page = Math.floor(position / log.pageSize);
    const end = Math.min(wanted, (page + 1) * log.pageSize);
    if (position < end) {
      const events = await log.page(page);
      for (; position < end; position++) {
        const event = events[position % log.pageSize];
        if (!event) return void (wanted = position);
        state.apply(position, event);
      }
    }
    const event = position > 0 ? await log.get(position - 1) : null;
    current.textContent = event ? `${position - 1}  ${event.type}  ${summary(event)}` : "";
    state.show();
    // Lets the page draw, and the slider move on.
    await new Promise((resolve) => requestAnimationFrame(() => resolve()));
  }

  function rebuild() {
    stage?.abort();
    stage = new AbortController();
    clear(view).append(runCard(state, {
      input: inputOfRun(run.run_id, { signal }), signal: AbortSignal.any([signal, stage.signal]), showsLink: false, isReplay: true,
    }));
  }
}

/** Has the properties of a follower that show a run. */
class ReplayState extends EventTarget {
  state = "live";
  error = null;
  #run;
  #model;

  constructor(run) {
    super();
    this.#run = run;
    this.restart();
  }

  get runID() { return this.#run.run_id; }
  get run() { return this.#model.run; }
  get model() { return this.#model; }

  restart() {
    this.#model = emptyModel();
    const { output, exchange, error, finished_at, await_request, ...rest } = this.#run;
    this.#model.run = { ...rest, status: "created" };
  }

  apply(index, event) { applyEvent(this.#model, index, event); }
  show() { this.dispatchEvent(new Event("change")); }
  update() {}
}
