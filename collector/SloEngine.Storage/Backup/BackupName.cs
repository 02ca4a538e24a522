namespace SloEngine.Storage.Backup;

/// <summary>
/// A backup is a directory of this name in the directory of backups. It is given to the engine without its path, so that an incremental
/// backup names its base the same way and both can be moved together.
/// </summary>
public static class BackupName
{
    /// <summary>The name, checked.</summary>
    /// <exception cref="ArgumentException">It is not one.</exception>
    public static string Parse(string text)
    {
        bool fits = text.Length is > 0 and <= 100 && char.IsAsciiLetterOrDigit(text[0])
            && text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.');
        return fits ? text : throw new ArgumentException($"'{text}' is no name of a backup: write letters, digits, '-', '_' and '.', at most 100");
    }

    internal static string ToSql(string name) => $"File('{Parse(name)}')";
}
