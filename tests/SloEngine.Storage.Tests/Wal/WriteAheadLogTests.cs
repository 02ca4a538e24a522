using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.Win32.SafeHandles;
using SloEngine.Storage.Wal;

namespace SloEngine.Storage.Tests.Wal;

/// <summary>What was committed is read again, whole and in order, whatever happened to the end of the file.</summary>
public sealed class WriteAheadLogTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("sloengine-wal-");

    private string LogDirectory => Path.Combine(_root.FullName, "wal");

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public void Committed_records_are_read_again_after_reopening_over_many_segments()
    {
        List<string> written = [];
        for (int process = 0; process < 3; process++)
        {
            using WriteAheadLog log = Open(segmentBytes: 100);
            for (int record = 0; record < 20; record++)
            {
                written.Add($"{process}-{record}-{new string('x', record * 7)}");
                Append(log, written[^1]);
            }
        }

        using WriteAheadLog reopened = Open(segmentBytes: 100);
        Assert.Equal(written, Texts(reopened));
        Assert.Equal(0, reopened.TornBytes);
        Assert.True(Directory.GetFiles(LogDirectory, "*.wal").Length > 10);
    }

    [Fact]
    public void A_tail_cut_or_garbled_at_any_byte_loses_no_record_before_it()
    {
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(150), Prop.ForAll<NonEmptyArray<NonNull<string>>, int, byte>((records, cut, garbage) =>
        {
            using var test = new WriteAheadLogTests();
            string[] texts = [.. records.Get.Select((record, index) => $"{index}{record.Get}")];
            long[] ends = new long[texts.Length];
            using (WriteAheadLog log = test.Open())
            {
                for (int index = 0; index < texts.Length; index++)
                {
                    Append(log, texts[index]);
                    ends[index] = log.End;
                }
            }
            string file = Directory.GetFiles(test.LogDirectory, "*.wal").Order().Last();
            long kept = (uint)cut % (ends[^1] + 1);
            // Garbage that happens to be what was cut would be no garbage.
            byte[] bytes = [.. File.ReadAllBytes(file), 0];
            byte other = garbage == bytes[48 + kept] ? (byte)~garbage : garbage;
            File.WriteAllBytes(file, [.. bytes.Take((int)(48 + kept)), .. Enumerable.Repeat(other, garbage % 20)]);

            using WriteAheadLog reopened = test.Open();
            int whole = ends.Count(end => end <= kept);
            Append(reopened, "after");
            return Texts(reopened).SequenceEqual([.. texts.Take(whole), "after"]);
        }));
    }

    [Fact]
    public void A_process_that_dies_after_any_commit_leaves_all_of_them_and_nothing_torn() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(60), Prop.ForAll<NonEmptyArray<NonEmptyArray<ushort>>, bool>((commits, bypassesCache) =>
        {
            using var test = new WriteAheadLogTests();
            using var survivor = new WriteAheadLogTests();
            var written = new List<int>();
            using (WriteAheadLog log = test.Open(segmentBytes: 100_000, bypassesCache: bypassesCache))
            {
                foreach (NonEmptyArray<ushort> commit in commits.Get)
                {
                    foreach (ushort size in commit.Get)
                    {
                        byte[] record = Enumerable.Repeat((byte)(size + 1), size + 1).ToArray();
                        log.Stage([], record);
                        written.Add(record.Length);
                    }
                    log.Commit();
                    // A reader of what is under way, beside the writer.
                    if (!Sizes(log).SequenceEqual(written))
                    {
                        return false;
                    }
                }
                survivor._root.CreateSubdirectory("wal");
                foreach (string file in Directory.GetFiles(test.LogDirectory, "*.wal"))
                {
                    File.Copy(file, Path.Combine(survivor.LogDirectory, Path.GetFileName(file)));
                }
            }
            using WriteAheadLog reopened = survivor.Open(bypassesCache: bypassesCache);
            return reopened.TornBytes == 0 && Sizes(reopened).SequenceEqual(written);

            static List<int> Sizes(WriteAheadLog log) =>
                [.. log.Read(log.Start, log.End).Select(record => record.Payload.Span.IndexOfAnyExcept((byte)record.Payload.Length) < 0 ? record.Payload.Length : -1)];
        }));

    [Fact]
    public void A_write_that_a_file_does_not_take_past_the_cache_goes_through_it()
    {
        using SafeFileHandle file = File.OpenHandle(Path.Combine(_root.FullName, "file"), FileMode.Create, FileAccess.ReadWrite);
        DirectWrites.Enable(file);

        // Neither their number nor their place is that of whole blocks.
        DirectWrites.Write(file, "abc"u8, 1);
        DirectWrites.Write(file, "def"u8, 4);

        Assert.Equal("\0abcdef"u8.ToArray(), File.ReadAllBytes(Path.Combine(_root.FullName, "file")));
    }

    [Fact]
    public void A_log_at_its_limit_refuses_keeps_nothing_of_it_and_goes_on_once_it_is_trimmed()
    {
        using WriteAheadLog log = Open(segmentBytes: 100, maxBytes: 400);
        int accepted = 0;
        WalFullException? full = null;
        while (full is null)
        {
            try
            {
                Append(log, $"record {accepted:000}");
                accepted++;
            }
            catch (WalFullException refused)
            {
                full = refused;
            }
        }
        Assert.Contains("400", full.Message, StringComparison.Ordinal);
        Assert.Equal(accepted, Texts(log).Count);

        log.TrimBefore(log.Read(log.Start, log.End).Select(record => record.Position).ElementAt(accepted / 2));
        Append(log, "after");

        Assert.Equal("after", Texts(log)[^1]);
        Assert.True(log.Bytes <= 400);
    }

    [Fact]
    public void Damage_in_the_middle_is_told_with_where_to_go_on()
    {
        using (WriteAheadLog log = Open(segmentBytes: 60))
        {
            foreach (string text in (string[])["first of the first segment", "second", "third of another", "fourth"])
            {
                Append(log, text);
            }
        }
        string oldest = Directory.GetFiles(LogDirectory, "*.wal").Order().First();
        byte[] bytes = File.ReadAllBytes(oldest);
        bytes[48 + 12] ^= 1;
        File.WriteAllBytes(oldest, bytes);

        using WriteAheadLog reopened = Open(segmentBytes: 60);
        WalCorruptionException damage = Assert.Throws<WalCorruptionException>(() => Texts(reopened));

        Assert.Contains(oldest, damage.Message, StringComparison.Ordinal);
        Assert.Equal("fourth", reopened.Read(damage.ResumeAt, reopened.End).Select(Text).Last());
    }

    [Fact]
    public void A_missing_segment_is_told_and_not_passed_over()
    {
        using (WriteAheadLog log = Open(segmentBytes: 50))
        {
            for (int record = 0; record < 6; record++)
            {
                Append(log, new string('x', 40));
            }
        }
        File.Delete(Directory.GetFiles(LogDirectory, "*.wal").Order().ElementAt(2));

        InvalidDataException missing = Assert.Throws<InvalidDataException>(() => Open());

        Assert.Contains("does not go on where", missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reading_may_begin_at_any_record()
    {
        using WriteAheadLog log = Open(segmentBytes: 80);
        for (int record = 0; record < 30; record++)
        {
            Append(log, $"record {record}");
        }

        WalRecord[] all = [.. log.Read(log.Start, log.End)];
        foreach (WalRecord from in all)
        {
            Assert.Equal(all.Where(record => record.Position >= from.Position).Select(record => record.End), log.Read(from.Position, log.End).Select(record => record.End));
        }
    }

    [Fact]
    public void A_checkpoint_survives_reopening_and_a_torn_write()
    {
        using WriteAheadLog log = Open();
        using (var checkpoint = WalCheckpoint.Open(LogDirectory, log))
        {
            Assert.Equal((0, 0), (checkpoint.Stored, checkpoint.Intent));
            checkpoint.Save(10, 20);
            checkpoint.Save(20, 30);
        }
        string file = Path.Combine(LogDirectory, "checkpoint");
        byte[] bytes = File.ReadAllBytes(file);
        bytes[64 + 5] ^= 1;
        File.WriteAllBytes(file, bytes);

        // A new checkpoint is saved at once, so that the last of the three is in the second slot, and torn now.
        using var reopened = WalCheckpoint.Open(LogDirectory, log);
        Assert.Equal((10, 20), (reopened.Stored, reopened.Intent));
        reopened.Save(30, 30);
        Assert.Equal(30, WalCheckpoint.LastIntent(LogDirectory));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(20)]
    public void Records_that_go_together_are_all_there_after_a_torn_commit_or_none_is(int missing)
    {
        long end;
        using (WriteAheadLog log = Open())
        {
            Append(log, "before");
            log.Stage([], "one"u8, goesWithNext: true);
            log.Stage([], "two"u8, goesWithNext: true);
            log.Stage([], "three"u8);
            log.Commit();
            end = log.End;
        }
        string segment = Directory.GetFiles(LogDirectory, "*.wal").Order(StringComparer.Ordinal).Last();
        using (SafeFileHandle file = File.OpenHandle(segment, FileMode.Open, FileAccess.ReadWrite))
        {
            RandomAccess.SetLength(file, WalSegment.HeaderBytes + end - missing);
        }

        using WriteAheadLog reopened = Open();
        Append(reopened, "after");

        Assert.Equal(missing == 0 ? ["before", "one", "two", "three", "after"] : ["before", "after"], Texts(reopened));
        Assert.Equal(missing > 0, reopened.TornBytes > 0);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Damage_before_what_the_store_has_reached_is_no_torn_end_and_no_position_is_given_out_twice(int zerosInPlaceOfTheLast)
    {
        long end;
        using (WriteAheadLog log = Open())
        {
            foreach (string text in (string[])["first", "second", "third"])
            {
                Append(log, text);
            }
            end = log.End;
            using var checkpoint = WalCheckpoint.Open(LogDirectory, log);
            checkpoint.Save(end, end);
        }
        string segment = Directory.GetFiles(LogDirectory, "*.wal").Order(StringComparer.Ordinal).Last();
        byte[] bytes = File.ReadAllBytes(segment);
        bytes[WalSegment.HeaderBytes + WalFrame.HeaderBytes + 1] ^= 1;
        bytes.AsSpan((int)(WalSegment.HeaderBytes + end - zerosInPlaceOfTheLast), zerosInPlaceOfTheLast).Clear();
        File.WriteAllBytes(segment, bytes);

        using (WriteAheadLog reopened = OpenReached())
        {
            Assert.Equal((end, 0), (reopened.End, reopened.TornBytes));
            Append(reopened, "fourth");
        }
        using WriteAheadLog again = OpenReached();

        Assert.Throws<WalCorruptionException>(() => Texts(again));
        Assert.Equal(["fourth"], again.Read(end, again.End).Select(Text));

        WriteAheadLog OpenReached() => WriteAheadLog.Open(new WalOptions { Directory = LogDirectory }, TimeProvider.System, WalCheckpoint.LastIntent(LogDirectory));
    }

    [Fact]
    public void A_log_is_for_one_at_a_time_for_two_would_overwrite_each_other()
    {
        using (WriteAheadLog log = Open())
        {
            Append(log, "first");
            IOException refused = Assert.Throws<IOException>(() => Open());
            Assert.Contains($"the write-ahead log in {LogDirectory} is in use by another process", refused.Message, StringComparison.Ordinal);
            Append(log, "second");
        }

        using WriteAheadLog again = Open();
        Assert.Equal(["first", "second"], Texts(again));
    }

    [Fact]
    public void A_segment_that_is_old_is_closed_so_that_what_the_store_has_can_go()
    {
        var clock = new SetClock { Now = DateTimeOffset.UnixEpoch.AddYears(56) };
        using WriteAheadLog log = WriteAheadLog.Open(new WalOptions { Directory = LogDirectory, SegmentAge = TimeSpan.FromMinutes(10) }, clock);
        Append(log, "first");
        clock.Now += TimeSpan.FromMinutes(9);
        Append(log, "second");
        long stored = log.End;
        Assert.False(log.CanTrimBefore(stored));

        clock.Now += TimeSpan.FromMinutes(1);
        Append(log, "third");
        log.TrimBefore(stored);

        Assert.Equal(["third"], Texts(log));
    }

    private sealed class SetClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;
    }

    [Fact]
    public void The_checkpoint_of_another_log_does_not_count()
    {
        using (WriteAheadLog log = Open())
        {
            Append(log, "record");
            using var checkpoint = WalCheckpoint.Open(LogDirectory, log);
            checkpoint.Save(log.End, log.End);
        }
        foreach (string segment in Directory.GetFiles(LogDirectory, "*.wal"))
        {
            File.Delete(segment);
        }

        using WriteAheadLog anew = WriteAheadLog.Open(new WalOptions { Directory = LogDirectory }, TimeProvider.System, WalCheckpoint.LastIntent(LogDirectory));
        using var other = WalCheckpoint.Open(LogDirectory, anew);

        Assert.Equal(anew.Start, other.Stored);
        Assert.True(anew.Start > 0);
    }

    private static void Append(WriteAheadLog log, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        log.Stage(bytes.AsSpan(0, bytes.Length / 2), bytes.AsSpan(bytes.Length / 2));
        log.Commit();
    }

    private static List<string> Texts(WriteAheadLog log) => [.. log.Read(log.Start, log.End).Select(Text)];

    private static string Text(WalRecord record) => Encoding.UTF8.GetString(record.Payload.Span);

    private WriteAheadLog Open(long segmentBytes = 1 << 20, long maxBytes = 1 << 30, bool bypassesCache = true) => WriteAheadLog.Open(
        new WalOptions { Directory = LogDirectory, SegmentBytes = segmentBytes, MaxBytes = maxBytes, BypassesCache = bypassesCache }, TimeProvider.System);
}
