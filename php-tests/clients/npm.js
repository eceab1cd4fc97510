// Calls through @dojnaz/whmcs. Its options are the first argument; then each line of the input is a call, and each line
// of the output what came of it: an answer, or the message of an error.
const readline = require('readline');
const WHMCS = require('@dojnaz/whmcs');

const whmcs = new WHMCS(JSON.parse(process.argv[2]));

async function call([action, parameters]) {
  const method = action.charAt(0).toLowerCase() + action.slice(1);
  const its = typeof whmcs.authentication[method] === 'function';
  try {
    return await (its ? whmcs.authentication[method](parameters) : whmcs.callApi(action, parameters));
  } catch (error) {
    return error.message;
  }
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await call(JSON.parse(line))));
  }
})();
