// Reads messages as mailparser does. Standard input: a JSON list of messages in base64;
// standard output: a JSON list of what was read in each.
import { simpleParser } from "mailparser";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const sources = JSON.parse(Buffer.concat(chunks).toString("utf8"));

const addresses = (field) =>
  (field?.value ?? []).map(({ address, name }) => ({ address, name }));

const read = async (source) => {
  const mail = await simpleParser(Buffer.from(source, "base64"), {
    skipTextLinks: true,
    skipTextToHtml: true,
    skipHtmlToText: true,
  });
  return {
    subject: mail.subject ?? null,
    text: mail.text ?? null,
    html: mail.html || null,
    message_id: mail.messageId ?? null,
    date: mail.date?.toISOString() ?? null,
    from: addresses(mail.from),
    to: addresses(mail.to),
    reply_to: addresses(mail.replyTo),
    header_lines: mail.headerLines.map(({ key, line }) => ({ key, line })),
    list: mail.headers.get("list") ?? null,
  };
};

process.stdout.write(JSON.stringify(await Promise.all(sources.map(read))));
