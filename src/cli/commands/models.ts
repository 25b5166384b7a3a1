/** @file `earshot models`: published weights, fetched when asked for and never otherwise. */
import { type Command, Option } from 'commander';
import { type Context, type SharedOptions, withHooks } from '../context.ts';
import { writeJsonLine } from '../terminal.ts';

type Options = Pick<SharedOptions, 'json' | 'quiet'>;

const json = () => new Option('--json', 'print the result as one JSON document on stdout');

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

export function addModels(program: Command, context: Context): void {
  const models = program.command('models').description('published weights: list, fetch, find');
  const { out } = context.terminal;

  models
    .command('list')
    .description('what can be fetched, under which licence, and what was')
    .addOption(json())
    .action(async (options: Options) => {
      const { listModels } = await import('../../workflows/models.ts');
      const listed = await listModels();
      if (options.json) {
        writeJsonLine(out, listed);
        return;
      }
      const { default: Table } = await import('cli-table3');
      const table = new Table({
        head: ['name', 'network', 'licence', 'unpacked', 'fetched'],
        style: { head: [], border: [] },
        colAligns: ['left', 'left', 'left', 'right', 'right'],
      });
      for (const { name, network, licence, unpackedBytes, bytes } of listed.models)
        table.push([
          name,
          network,
          licence,
          megabytes(unpackedBytes),
          bytes === null ? '' : megabytes(bytes),
        ]);
      out.line(table.toString());
      out.line(`Fetched files lie in ${listed.directory} (EARSHOT_MODELS names another folder).`);
      out.line('The two sizes of an OpenL3 model are one file.');
    });

  models
    .command('pull')
    .description('fetch weights from where they are published')
    .argument('<name>', 'such as openl3-mel256-music-512; earshot models list has them all')
    .addOption(new Option('--mirror <url>', 'address of a folder that has the file under its published name'))
    .addOption(json())
    .addOption(new Option('--quiet', 'no progress on stderr'))
    .addHelpText(
      'after',
      `
Examples:
  earshot models pull openl3-mel256-music-512
  EARSHOT_MODELS=/data/models earshot models pull yamnet --mirror https://example.org/weights

A download that broke off, or that Ctrl-C stopped, goes on with the same command. The file is compared with the digest
that is known of the published one.`,
    )
    .action(async (name: string, options: Options & { mirror?: string }) => {
      const { pull } = await import('../../workflows/models.ts');
      const { mirror } = options;
      const pulled = await withHooks(context, options, ({ signal, onProgress }) =>
        pull({ name, signal, onProgress, ...(mirror === undefined ? {} : { mirror }) }),
      );
      if (options.json) {
        writeJsonLine(out, pulled);
        return;
      }
      const { bytes, licence, path, present, resumedFrom, sha256, url, verified } = pulled;
      const from = resumedFrom > 0 ? `, ${megabytes(resumedFrom)} of it from before` : '';
      out.line(present ? `${name} is there already: ${path}` : `${name}: ${path}`);
      out.line(`Size:    ${megabytes(bytes)} (${bytes} bytes${from})`);
      out.line(`Licence: ${licence}`);
      if (!present) out.line(`From:    ${url}`);
      out.line(
        verified
          ? 'It is the published file, by its Git blob id.'
          : `No digest of the published file is known; the SHA-256 of this one is ${sha256}.`,
      );
    });

  models
    .command('path')
    .description('where fetched weights lie')
    .argument('<name>', 'a name from earshot models list')
    .addOption(json())
    .action(async (name: string, options: Options) => {
      const { pathOfModel } = await import('../../workflows/models.ts');
      const path = await pathOfModel(name);
      if (options.json) writeJsonLine(out, { name, path });
      else out.line(path);
    });
}
