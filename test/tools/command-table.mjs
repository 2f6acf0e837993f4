/** The commander tree as data, for completion (C-8): reading it costs less than building the tree. */

/** @param {import('commander').Command} command */
export function commandTable(command) {
  return {
    name: command.name(),
    summary: command.summary(),
    flags: command.options
      .filter((option) => !option.hidden)
      .map((option) => ({
        names: [option.short, option.long].filter(Boolean),
        summary: option.description,
        value: /[<[]([^>\]]+)[>\]]$/.exec(option.flags)?.[1] ?? null,
      })),
    args: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      variadic: argument.variadic,
      choices: argument.argChoices ?? [],
    })),
    commands: command.commands.map(commandTable),
  };
}
