namespace SloEngine.Slo.OpenSlo;

/// <summary>Finds the key that was probably meant.</summary>
public static class NearestKey
{
    /// <summary>The known key with the least edit distance.</summary>
    public static string Of(string key, IEnumerable<string> known) => known.MinBy(candidate => EditDistance(candidate, key))!;

    /// <summary>Levenshtein distance.</summary>
    private static int EditDistance(string left, string right)
    {
        int[] row = [.. Enumerable.Range(0, right.Length + 1)];
        for (int i = 1; i <= left.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= right.Length; j++)
            {
                int substituted = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[^1];
    }
}
