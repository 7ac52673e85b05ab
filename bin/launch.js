/** Runs a program of the checkout's dist/. */
module.exports = (name) => {
  let launcher;
  try {
    launcher = require("../dist/launch.cjs");
  } catch (error) {
    if (error.code !== "MODULE_NOT_FOUND") throw error;
    process.stderr.write(
      `${name}: not built yet; run "npm run build" in ${require("node:path").dirname(__dirname)}\n`,
    );
    process.exit(2);
  }
  launcher.launch(name);
};
