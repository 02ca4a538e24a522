using System.Globalization;
using System.Reflection;

namespace SloEngine.Storage.Schema;

/// <summary>
/// One step of the schema: a file <c>Schema/NNNN-name.sql</c> of statements, each ended by a semicolon at a line's end.
/// The engine has no transactions over DDL, so each statement can be run again after a failure halfway (IF NOT EXISTS and the like).
/// </summary>
/// <param name="Version">Version of the data after it.</param>
/// <param name="Name">What it does.</param>
/// <param name="Sql">Its statements; <c>{database}</c> stands for the database, <c>{codec}</c> for what packs columns that are merged soon.</param>
internal sealed record Migration(uint Version, string Name, string Sql)
{
    /// <summary>Leaves it to the engine, which <see cref="Chdb.EmbeddedStoreOptions"/> tells to pack inserts quickly and merges well.</summary>
    public const string CodecBySize = "Default";

    /// <summary>For servers that are not told.</summary>
    public const string CodecOfServers = "ZSTD(1)";

    private const string Folder = "Schema/";

    /// <summary>Every migration of this program, in order.</summary>
    public static IReadOnlyList<Migration> All { get; } = Read();

    public IEnumerable<string> Statements(string database, string codec)
    {
        string text = string.Join('\n', Sql.ReplaceLineEndings("\n").Split('\n').Where(line => !line.StartsWith("--", StringComparison.Ordinal)));
        return text.Replace("{database}", database).Replace("{codec}", codec).Split(";\n", StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
    }

    private static List<Migration> Read()
    {
        Assembly assembly = typeof(Migration).Assembly;
        var migrations = new List<Migration>();
        foreach (string resource in assembly.GetManifestResourceNames().Where(name => name.StartsWith(Folder, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
            string file = resource[Folder.Length..^".sql".Length];
            int dash = file.IndexOf('-', StringComparison.Ordinal);
            migrations.Add(new Migration(uint.Parse(file[..dash], CultureInfo.InvariantCulture), file[(dash + 1)..], reader.ReadToEnd()));
        }
        return migrations;
    }
}
