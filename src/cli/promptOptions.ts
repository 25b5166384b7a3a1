/** @file The options that say how labels become prompts, for every command that compares sounds with words. */
import { type Command, Option } from 'commander';
import { number } from './optionValues.ts';

/** Heading of what only CLAP takes, where other networks may be chosen too. */
export const promptGroup = 'Prompts (with --network clap):';

export interface PromptFlags {
  labelsFile?: string;
  template?: string[];
  logitScale?: number;
  int16?: boolean;
}

/** What these options say, as workflows take it; undefined where they say nothing. */
export interface PromptChoices {
  labelsFile?: string;
  templates?: string[];
  logitScale?: number;
  int16?: boolean;
}

/** How labels become sentences. */
export function addSentenceOptions(command: Command, group: string): void {
  const add = (option: Option) => command.addOption(option.helpGroup(group));
  add(
    new Option(
      '--labels-file <file>',
      'labels with descriptions: a CSV table with the columns label and description, or a JSON object',
    ),
  );
  add(
    new Option(
      '--template <text>',
      'sentence with {} in the place of the label; given several times, their mean counts (default: "This is a sound of {}.")',
    ).argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]),
  );
}

/** The same, and how sounds are compared with the sentences. */
export function addPromptOptions(command: Command, group: string): void {
  addSentenceOptions(command, group);
  const add = (option: Option) => command.addOption(option.helpGroup(group));
  add(
    new Option(
      '--logit-scale <x>',
      'factor on similarities before softmax (default: the trained one, where the weights hold it)',
    ).argParser(number({ min: 0, above: true })),
  );
  add(new Option('--int16', "round samples to 16 bits first, as CLAP's original code does"));
}

export function promptChoices({
  labelsFile,
  template,
  logitScale,
  int16,
}: PromptFlags): PromptChoices | undefined {
  const choices = { labelsFile, templates: template, logitScale, int16 };
  const given = Object.entries(choices).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : (Object.fromEntries(given) as PromptChoices);
}
