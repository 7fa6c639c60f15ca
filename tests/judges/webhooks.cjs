// Verifies messages with the JavaScript library of Standard Webhooks: [{secret, headers, body}] in, "" or why not out.
const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");
const { Webhook } = createRequire(process.cwd() + "/")("standardwebhooks");

const judge = ({ secret, headers, body }) => {
  try {
    new Webhook(secret).verify(body, headers);
    return "";
  } catch (error) {
    return String(error.message || error);
  }
};
process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(judge)));
