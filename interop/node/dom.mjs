// As much of a page as JSONP polling needs: script tags that are fetched and run, and forms that are sent to an iframe.
import vm from "node:vm";

class Element {
  style = {};
  children = [];

  constructor(tag) {
    this.tag = tag;
  }

  setAttribute() {}

  appendChild(child) {
    child.parentNode = this;
    this.children.push(child);
    if (child.tag === "script") run(child);
  }

  removeChild(child) {
    this.children = this.children.filter((other) => other !== child);
    child.parentNode = undefined;
  }

  async submit() {
    const [area] = this.children;
    const iframe = this.children.at(-1);
    // browsers change line feeds in forms
    const body = new URLSearchParams([[area.name, area.value.replace(/\r?\n/g, "\r\n")]]);
    // the answer is for the iframe, whatever it says
    await fetch(this.action, { method: "POST", body }).then((response) => response.text()).catch(() => undefined);
    iframe.onload?.();
  }
}

async function run(script) {
  try {
    const response = await fetch(script.src);
    const [type, options] = ["content-type", "x-content-type-options"].map((name) => response.headers.get(name));
    const runs = type.startsWith("text/javascript") || options !== "nosniff";
    if (!response.ok || !runs) throw new Error(`${response.status} ${type}`);
    const code = await response.text();
    // a script that was taken out of the page before it came still runs, as in browsers
    vm.runInThisContext(code);
  } catch (error) {
    script.onerror?.(error);
  }
}

/** Gives this process a `document`. */
export function installDocument() {
  const [head, body] = [new Element("head"), new Element("body")];
  globalThis.document = {
    head,
    body,
    createElement(tag) {
      if (tag.includes("<")) throw new Error(`no element is called ${tag}`);
      return new Element(tag);
    },
    getElementsByTagName: () => [],
  };
}
