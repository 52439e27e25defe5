// Runs what a driver names and says how each ended: `{value}` or the exception that the client raised.

const kinds = (error) => {
  const found = [];
  for (let kind = Object.getPrototypeOf(error); kind; kind = Object.getPrototypeOf(kind)) {
    found.push(kind.constructor.name);
  }
  return [error.name, ...found];
};

export const task = JSON.parse(process.argv[2]);

export const report = async (operations) => {
  const found = {};
  for (const [name, run] of Object.entries(operations)) {
    if (!task.operations.includes(name)) continue;
    try {
      found[name] = { value: await run() };
    } catch (error) {
      const status = error.status ?? error.statusCode ?? null;
      found[name] = { raised: kinds(error), status, message: String(error.message).slice(0, 500) };
    }
  }
  console.log(JSON.stringify(found));
};
