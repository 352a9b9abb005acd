// Checks pages against the HTML standard. Standard input: a page a line, as a JSON string;
// standard output: a line for each, the JSON list of what is wrong with it.
import { createInterface } from "node:readline";
import { HtmlValidate } from "html-validate";

const standard = new HtmlValidate({ root: true, extends: ["html-validate:standard"] });

for await (const line of createInterface({ input: process.stdin })) {
  const report = await standard.validateString(JSON.parse(line));
  const faults = report.results.flatMap(({ messages }) =>
    messages.map((one) => `${one.ruleId}, line ${one.line}: ${one.message}`),
  );
  process.stdout.write(`${JSON.stringify(faults)}\n`);
}
