// A Lambda function that greets whom the event names, or the world.
export const handler = async (event) => ({ message: `hello, ${event.name ?? "world"}` });
