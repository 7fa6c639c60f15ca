// Judges pages with html-validate's standard preset (the HTML standard): [{name, html}] in, ["name:line: rule: why"] out.
const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");
const { HtmlValidate, StaticConfigLoader } = createRequire(process.cwd() + "/")("html-validate");

const judge = new HtmlValidate(
  new StaticConfigLoader({ extends: ["html-validate:standard"], elements: ["html5"], rules: { "no-trailing-whitespace": "off" } }),
);
const faults = ({ name, html }) =>
  judge.validateStringSync(html).results.flatMap((result) =>
    result.messages.map((each) => `${name}:${each.line}: ${each.ruleId}: ${each.message}`),
  );
process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).flatMap(faults)));
