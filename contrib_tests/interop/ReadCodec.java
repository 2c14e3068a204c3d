// ReadCodec.java
// Java's own decoders for test_codecs.py and test_export_readers.py: java ReadCodec.java CODEC=FILE... , prints one SHA-256 per
// file, "skipped" for a codec that Java does not bring, or why the file was refused.

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.zip.GZIPInputStream;
import java.util.zip.InflaterInputStream;

public class ReadCodec
{
	public static void main(String[] args) throws Exception
	{
		for (String arg : args)
		{
			int mark = arg.indexOf('=');

			try
			{
				System.out.println(read(arg.substring(0, mark), arg.substring(mark + 1)));
			}
			catch (IOException problem)
			{
				System.out.println("refused: " + problem);
			}
		}
	}

	private static String read(String codec, String path) throws Exception
	{
		MessageDigest digest = MessageDigest.getInstance("SHA-256");
		StringBuilder text = new StringBuilder();
		byte[] piece = new byte[8192];

		if (!codec.equals("gzip") && !codec.equals("deflate"))
			return "skipped";
		try (InputStream file = new FileInputStream(path);
			 InputStream in = codec.equals("gzip") ? new GZIPInputStream(file) : new InflaterInputStream(file))
		{
			for (int size; (size = in.read(piece)) > 0;)
				digest.update(piece, 0, size);
		}
		for (byte b : digest.digest())
			text.append(String.format("%02x", b));
		return text.toString();
	}
}
